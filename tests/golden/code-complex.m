% f(A, b, z) = norm2(A*z - b)^2
%
% Derivatives
%     df/dA = 2*(A*z - b)*z^H
%     df/db = 2*(b - A*z)
%     df/dz = 2*A^H*(A*z - b)
%
% Declarations
%     A  (m, n)  complex
%     b  (m,)  complex
%     z  (n,)  complex
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('m', 4, 'n', 3);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(A, b, z)
  % The value of f.
  value = norm(A * z - b) ^ 2;
end

function [value, dA, db, dz] = f_and_gradient(A, b, z)
  % The value of f and its gradient by A, b, z.
  t0 = A * z;
  t1 = t0 - b;
  value = norm(t1) ^ 2;
  dA = 2 * t1 * conj(z).';
  db = 2 * (b - t0);
  dz = 2 * (conj(A).' * t1);
end
