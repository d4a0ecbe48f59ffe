% f(A, b, x) = norm2(A*x - b)^2
%
% Derivatives
%     df/dA = 2*(A*x - b)*x'
%     df/db = 2*(b - A*x)
%     df/dx = 2*A'*(A*x - b)
%
% Declarations
%     A  (m, n)
%     b  (m,)
%     x  (n,)
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('m', 4, 'n', 3);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(A, b, x)
  % The value of f.
  t0 = A * x - b;
  value = t0' * t0;
end

function [value, dA, db, dx] = f_and_gradient(A, b, x)
  % The value of f and its gradient by A, b, x.
  t0 = A * x;
  t1 = t0 - b;
  value = t1' * t1;
  dA = 2 * t1 * x';
  db = 2 * (b - t0);
  dx = 2 * (A' * t1);
end
