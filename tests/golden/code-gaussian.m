% f(S, mu, x) = -(logdet(S) + (x - mu)'*inv(S)*(x - mu))/2
%
% Derivatives
%     df/dS = (inv(S)*(x - mu)*(x - mu)' - eye(n))*inv(S)/2
%     df/dmu = inv(S)*(x - mu)
%     df/dx = inv(S)*(mu - x)
%
% Declarations
%     S   (n, n)  psd
%     mu  (n,)
%     x   (n,)
%
% Conditions
%     S invertible
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('n', 4);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(S, mu, x)
  % The value of f.
  t0 = x - mu;
  value = -0.5 * (logabsdet(S) + t0' * (S \ t0));
end

function [value, dS, dmu, dx] = f_and_gradient(S, mu, x)
  % The value of f and its gradient by S, mu, x.
  t0 = x - mu;
  t1 = inv(S);
  t2 = t1 * t0;
  value = -0.5 * (logabsdet(S) + t0' * t2);
  dS = 0.5 * (t2 * t2' - t1);
  dmu = t2;
  dx = t1 * (mu - x);
end

function out = logabsdet(a)
  % log(abs(det(a))), without overflow.
  [~, upper, ~] = lu(a);
  out = sum(log(abs(diag(upper))));
end
