% f(A, B, C) = normf(kron(A,B)*C)^2
%
% Derivatives
%     df/dA = 2*einsum("ik,(kl)p,(jq)p,lq->ij",A,C,C,B'*B)
%     df/dB = 2*einsum("ik,(lk)p,(qj)p,lq->ij",B,C,C,A'*A)
%     df/dC = 2*kron(A',B')*kron(A,B)*C
%
% Declarations
%     A  (m, n)
%     B  (p, q)
%     C  (n*q, k)
%
% Layout
%     a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by
%
% Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative
% error and fails if that is too large.

sizes = struct('k', 4, 'm', 3, 'n', 5, 'p', 2, 'q', 6);  % of the random data
seed = 0; trials = 5; attempts = 100; tolerance = 1e-6;

function value = f(A, B, C)
  % The value of f.
  value = sum(sum((kron(A, B) * C) .^ 2));
end

function [value, dA, dB, dC] = f_and_gradient(A, B, C)
  % The value of f and its gradient by A, B, C.
  n = size(A, 2);
  q = size(B, 2);
  k = size(C, 2);
  t0 = kron(A, B) * C;
  t1 = reshape(C', [], n)';
  t2 = permute(reshape(C', k, q, n), [3, 2, 1]);
  t3 = reshape(permute(reshape((A' * A * t1)', k, q, n), [1, 3, 2]), [], q)';
  value = sum(sum(t0 .^ 2));
  dA = 2 * (A * (t1 * reshape(permute(einsum('ij,bjk->bik', B' * B, t2), [3, 2, 1]), [], n)));
  dB = 2 * (B * (t3 * reshape(permute(t2, [3, 1, 2]), [], q))');
  dC = 2 * (kron(A', B') * t0);
end

function out = einsum(spec, varargin)
  % The sum over named indices, such as einsum('ij,jk->ik', A, B); what is done with comes out of each product at once.
  sides = strsplit(spec, '->');
  inputs = strsplit(sides{1}, ',');
  letters = unique(strrep(sides{1}, ',', ''));
  out = 1;
  for k = 1:numel(inputs)
    out = out .* along_axes(varargin{k}, inputs{k}, letters);
    for axis = 1:numel(letters)
      if ~any(letters(axis) == [inputs{k+1:end}, sides{2}])
        out = sum(out, axis);
      end
    end
  end
  [~, order] = ismember(sides{2}, letters);
  rest = setdiff(1:max(numel(letters), 2), order);
  out = permute(out, [order, rest]);
end

function out = along_axes(a, indices, letters)
  % An array with an axis for every letter, of length 1 where it has no such index; an index that repeats is a diagonal.
  for k = numel(indices):-1:2
    first = find(indices == indices(k), 1);
    if first < k
      order = [setdiff(1:max(numel(indices), 2), [first, k]), first, k];
      n = size(a, first);
      a = permute(a, order);
      lengths = size(a);
      lengths(end+1:numel(order)) = 1;
      a = reshape(a, [], n * n);
      a = reshape(a(:, 1:n+1:n*n), [lengths(1:numel(order)-2), n, 1]);
      rest = indices([1:first-1, first+1:k-1, k+1:end]);
      indices = [rest, indices(k)];
    end
  end
  [~, places] = ismember(indices, letters);
  [~, order] = sort(places);
  order = [order, numel(order)+1:2];
  a = permute(a, order);
  lengths = ones(1, max(numel(letters), 2));
  for k = 1:numel(places)
    lengths(places(order(k))) = size(a, k);
  end
  out = reshape(a, lengths);
end
