% f(A, B, X) = A*inv(X)*B
%
% The gradient of sum(G .* f) by
%     A: G*B'*inv(X)'
%     B: inv(X)'*A'*G
%     X: -(inv(X)*B*G'*A*inv(X))'
%
% Declarations
%     A  (m, n)
%     B  (n, p)
%     X  (n, n)  invertible
%     G  (m, p)  the gradient of a loss by the value
%
% Conditions
%     X invertible
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('m', 4, 'n', 3, 'p', 5);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(A, B, X)
  % The value of f.
  value = A / X * B;
end

function [value, dA, dB, dX] = f_and_vjp(A, B, X, G)
  % The value of f, and the gradient of sum(G .* f) by A, B, X.
  t0 = X' \ A';
  t1 = G * (X \ B)';
  value = t0' * B;
  dA = t1;
  dB = t0 * G;
  dX = -(t1' * t0')';
end
