% f(V, W, b, x, y) = norm2(V*tanh(W*x + b) - y)^2
%
% Derivatives
%     df/dV = 2*(V*tanh(W*x + b) - y)*tanh(W*x + b)'
%     df/dW = 2*((1 .- h.^2).*(V'*(V*h - y)))*x'
%         where h = tanh(W*x + b)
%     df/db = 2*(1 .- h.^2).*(V'*(V*h - y))
%         where h = tanh(W*x + b)
%     df/dx = 2*W'*((1 .- h.^2).*(V'*(V*h - y)))
%         where h = tanh(W*x + b)
%     df/dy = 2*(y - V*tanh(W*x + b))
%
% Declarations
%     V  (k, m)
%     W  (m, n)
%     b  (m,)
%     x  (n,)
%     y  (k,)
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('k', 4, 'm', 3, 'n', 5);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(V, W, b, x, y)
  % The value of f.
  t0 = V * tanh(W * x + b) - y;
  value = t0' * t0;
end

function [value, dV, dW, db, dx, dy] = f_and_gradient(V, W, b, x, y)
  % The value of f and its gradient by V, W, b, x, y.
  t0 = tanh(W * x + b);
  t1 = V * t0;
  t2 = t1 - y;
  t3 = (1 - t0 .^ 2) .* (V' * t2);
  t4 = 2 * t3;
  value = t2' * t2;
  dV = 2 * t2 * t0';
  dW = t4 * x';
  db = t4;
  dx = 2 * (W' * t3);
  dy = 2 * (y - t1);
end
