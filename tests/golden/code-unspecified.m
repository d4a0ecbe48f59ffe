% f(W, X, b, L, dL) = L(W*X .+ b)
%
% Derivatives
%     df/dW = dL(W*X .+ b)*X'
%     df/dX = W'*dL(W*X .+ b)
%     df/db = dL(W*X .+ b)*ones(p)
%
% Declarations
%     W   (m, n)
%     X   (n, p)
%     b   (m,)
%     L   a function of an array
%     dL  a function: the gradient of L, in the shape of its argument
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('m', 4, 'n', 3, 'p', 5);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(W, X, b, L, dL)
  % The value of f.
  value = L(W * X + b);
end

function [value, dW, dX, db] = f_and_gradient(W, X, b, L, dL)
  % The value of f and its gradient by W, X, b.
  t0 = W * X + b;
  t1 = dL(t0);
  value = L(t0);
  dW = t1 * X';
  dX = W' * t1;
  db = sum(t1, 2);
end
