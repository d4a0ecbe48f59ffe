% f(A, x) = sum(cumsum(x).^2) + prod(x) + sum(prod(A,1).^2)
%
% Derivatives
%     df/dA = 2*prodothers(A,1)*diag(prod(A,1)')
%     df/dx = prodothers(x) + 2*revcumsum(cumsum(x))
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
  t0 = sum(cumsum(x) .^ 2) + prod(x);
  value = t0 + sum(prod(A, 1)' .^ 2);
end

function [value, dA, dx] = f_and_gradient(A, x)
  % The value of f and its gradient by A, x.
  t0 = cumsum(x);
  t1 = prod(A, 1)';
  value = sum(t0 .^ 2) + prod(x) + sum(t1 .^ 2);
  dA = prod_others(A, 1) .* (2 * t1)';
  dx = prod_others(x, 1) + 2 * flip(cumsum(flip(t0, 1)), 1);
end

function out = prod_others(x, axis)
  % The product of all other entries along an axis at every entry, without a division.
  if axis == 2
    out = prod_others(x.', 1).';
    return
  end
  one = ones(1, size(x, 2));
  before = cumprod([one; x(1:end-1, :)], 1);
  after = flip(cumprod([one; flip(x(2:end, :), 1)], 1), 1);
  out = before .* after;
end
