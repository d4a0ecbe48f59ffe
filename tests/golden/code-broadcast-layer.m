% f(W, X, b) = sum(relu(W*X .+ b))
%
% Derivatives
%     df/dW = step(W*X .+ b)*X'
%     df/dX = W'*step(W*X .+ b)
%     df/db = step(W*X .+ b)*ones(p)
%
% Declarations
%     W  (m, n)
%     X  (n, p)
%     b  (m,)
%
% Conditions
%     W*X .+ b nonzero (step is 0 at 0)
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('m', 4, 'n', 3, 'p', 5);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(W, X, b)
  % The value of f.
  value = sum(sum(max(W * X + b, 0)));
end

function [value, dW, dX, db] = f_and_gradient(W, X, b)
  % The value of f and its gradient by W, X, b.
  t0 = W * X + b;
  t1 = double(t0 > 0);
  value = sum(sum(max(t0, 0)));
  dW = t1 * X';
  dX = W' * t1;
  db = sum(t1, 2);
end
