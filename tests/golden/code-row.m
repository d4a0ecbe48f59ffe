% f(A, r) = norm2(r')^2 + sum(exp(r*A))
%
% Derivatives
%     df/dA = r'*exp(r*A)
%     df/dr = exp(r*A)*A' + 2*r
%
% Declarations
%     A  (n, m)
%     r  (n,), a row
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('m', 4, 'n', 3);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(A, r)
  % The value of f.
  value = r * r' + sum(exp(A' * r'));
end

function [value, dA, dr] = f_and_gradient(A, r)
  % The value of f and its gradient by A, r.
  t0 = exp(A' * r');
  value = r * r' + sum(t0);
  dA = r' * t0';
  dr = (A * t0 + 2 * r')';
end
