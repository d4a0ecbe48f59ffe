% f(W, x, y) = logsumexp(W*x) - y'*W*x
%
% Derivatives
%     df/dW = (softmax(W*x) - y)*x'
%     df/dx = W'*(softmax(W*x) - y)
%     df/dy = -W*x
%
% Declarations
%     W  (k, n)
%     x  (n,)
%     y  (k,)  simplex
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('k', 4, 'n', 3);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(W, x, y)
  % The value of f.
  t0 = W * x;
  value = logsumexp(t0, 1) - y' * t0;
end

function [value, dW, dx, dy] = f_and_gradient(W, x, y)
  % The value of f and its gradient by W, x, y.
  t0 = W * x;
  t1 = softmax(t0, 1) - y;
  value = logsumexp(t0, 1) - y' * t0;
  dW = t1 * x';
  dx = W' * t1;
  dy = -t0;
end

function out = logsumexp(x, axis)
  % log(sum(exp(x))) along an axis, without overflow.
  top = max(x, [], axis);
  out = log(sum(exp(x - top), axis)) + top;
end

function out = softmax(x, axis)
  % exp(x) / sum(exp(x)) along an axis, without overflow.
  out = exp(x - max(x, [], axis));
  out = out ./ sum(out, axis);
end
