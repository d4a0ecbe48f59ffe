% f(A, B) = sum(softmax(A,2).*B)
%
% Derivatives
%     df/dA = B.*softmax(A,2) - diag((B.*softmax(A,2))*ones(n))*softmax(A,2)
%     df/dB = softmax(A,2)
%
% Declarations
%     A  (m, n)
%     B  (m, n)
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('m', 4, 'n', 3);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(A, B)
  % The value of f.
  value = sum(sum(softmax(A, 2) .* B));
end

function [value, dA, dB] = f_and_gradient(A, B)
  % The value of f and its gradient by A, B.
  t0 = softmax(A, 2);
  t1 = t0 .* B;
  value = sum(sum(t1));
  dA = t1 - sum(t1, 2) .* t0;
  dB = t0;
end

function out = softmax(x, axis)
  % exp(x) / sum(exp(x)) along an axis, without overflow.
  out = exp(x - max(x, [], axis));
  out = out ./ sum(out, axis);
end
