% f(A, x) = A(1,2) + x(2) + sum(A(1,:).^2) + sum(A(:,2))
%
% Derivatives
%     df/dA = 2*e(1,m)*e(1,m)'*A + (e(1,m) .+ 1)*e(2,n)'
%     df/dx = e(2,n)
%
% Declarations
%     A  (m, n)
%     x  (n,)
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('m', 4, 'n', 3);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(A, x)
  % The value of f.
  t0 = A(1, 2) + x(2) + sum(A(1, :)' .^ 2);
  value = t0 + sum(A(:, 2));
end

function [value, dA, dx] = f_and_gradient(A, x)
  % The value of f and its gradient by A, x.
  m = size(A, 1);
  n = size(A, 2);
  t0 = A(1, :)';
  t1 = unit_vector(1, m);
  t2 = unit_vector(2, n);
  value = A(1, 2) + x(2) + sum(t0 .^ 2) + sum(A(:, 2));
  dA = 2 * (t1 * t0') + (t1 + 1) * t2';
  dx = t2;
end

function out = unit_vector(place, n)
  % The vector of n zeros with 1 at a place.
  out = zeros(n, 1);
  out(place) = 1;
end
