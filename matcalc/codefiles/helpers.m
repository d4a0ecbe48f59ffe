% The functions that MATLAB code calls; a file gets those that it needs.

function out = sigmoid(x)
  % 1 / (1 + exp(-x)), without overflow.
  small = exp(-abs(x));
  out = pick(x >= 0, 1 ./ (1 + small), small ./ (1 + small));
end

function out = pick(condition, a, b)
  % Entries of a where the condition holds, else of b.
  zero = zeros(size(condition + a + b));
  a = a + zero;
  out = b + zero;
  condition = (condition + zero) ~= 0;
  out(condition) = a(condition);
end

function out = logaddexp(a, b)
  % log(exp(a) + exp(b)), without overflow.
  out = max(a, b) + log1p(exp(-abs(a - b)));
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

function out = softmax_all(x)
  % exp(x) / sum(exp(x)) over all entries.
  out = reshape(softmax(x(:), 1), size(x));
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

function out = prod_others_all(x)
  % The product of all other entries at every entry.
  out = reshape(prod_others(x(:), 1), size(x));
end

function out = is_largest(x)
  % 1 at the first largest entry, counted row by row, else 0.
  rows = x.';
  [~, place] = max(rows(:));
  rows(:) = 0;
  rows(place) = 1;
  out = rows.';
end

function out = unit_vector(place, n)
  % The vector of n zeros with 1 at a place.
  out = zeros(n, 1);
  out(place) = 1;
end

function out = unit_columns(n, places)
  % Columns of the identity.
  out = eye(n);
  out = out(:, places);
end

function out = diagonal_sums(a)
  % Each entry replaced by the sum along its diagonal.
  n = size(a, 1);
  out = zeros(n);
  for k = -(n - 1):(n - 1)
    out = out + diag(sum(diag(a, k)) * ones(n - abs(k), 1), k);
  end
end

function out = diagonal_means(a)
  % Each entry replaced by the mean along its diagonal.
  out = diagonal_sums(a) ./ diagonal_sums(ones(size(a, 1)));
end

function out = commutation(m, n)
  % The matrix K with K * vec(A) = vec(A') for an m x n matrix A.
  places = reshape(1:m * n, m, n).';
  out = eye(m * n);
  out = out(places(:), :);
end

function out = duplication(n)
  % The matrix D with D * vech(S) = vec(S) for a symmetric n x n matrix S.
  places = zeros(n);
  places(tril(true(n))) = 1:n * (n + 1) / 2;
  places = places + tril(places, -1).';
  out = eye(n * (n + 1) / 2);
  out = out(places(:), :);
end

function out = elimination(n)
  % The matrix E with E * vec(A) = vech(A) for an n x n matrix A.
  out = eye(n * n);
  out = out(reshape(tril(true(n)), [], 1), :);
end

function out = toeplitz_basis(n)
  % The matrix B with B * t = vec(T) for the Toeplitz matrix with the diagonals t, the lowest first.
  [cols, rows] = meshgrid(1:n, 1:n);
  out = eye(2 * n - 1);
  out = out(reshape(cols - rows + n, [], 1), :);
end

function out = vech(a)
  % The entries on and below the diagonal, column by column.
  out = a(tril(true(size(a, 1))));
  out = out(:);
end

function out = half_tril(a)
  % The lower triangle, its diagonal halved.
  out = tril(a) - diag(diag(a)) / 2;
end

function out = khatrirao(a, b)
  % The Kronecker products of columns, side by side.
  out = zeros(size(a, 1) * size(b, 1), size(a, 2));
  for k = 1:size(a, 2)
    out(:, k) = kron(a(:, k), b(:, k));
  end
end

function out = cross_matrix(x)
  % The matrix C with C * y the cross product of x and y.
  out = [0, -x(3), x(2); x(3), 0, -x(1); -x(2), x(1), 0];
end

function out = axial(a)
  % The vector v with sum(a .* cross_matrix(y)) = sum(v .* y) for every y.
  out = [a(3, 2) - a(2, 3); a(1, 3) - a(3, 1); a(2, 1) - a(1, 2)];
end

function out = logabsdet(a)
  % log(abs(det(a))), without overflow.
  [~, upper, ~] = lu(a);
  out = sum(log(abs(diag(upper))));
end

function out = sign_and_logabsdet(a)
  % The sign of det(a), and log(abs(det(a))), without overflow.
  [~, upper, order] = lu(a);
  out = [det(order) * prod(sign(diag(upper))), sum(log(abs(diag(upper))))];
end

function out = svd_parts(a)
  % The thin singular value decomposition U * diag(s) * V' as {U, s, V'}.
  [u, s, v] = svd(a, 'econ');
  out = {u, diag(s), v'};
end

function out = adjugate(a)
  % The adjugate by the singular values, right for singular matrices too.
  [u, s, v] = svd(a);
  others = prod_others(diag(s), 1);
  out = sign(det(u) * det(v)) * v * diag(others) * u';
end

function out = polar_factor(a)
  % U * V' of the thin singular value decomposition.
  [u, ~, v] = svd(a, 'econ');
  out = u * v';
end

function out = cholesky(a)
  % The lower Cholesky factor of the symmetric part.
  out = chol((a + a') / 2, 'lower');
end

function out = eigmax(a)
  % The largest eigenvalue of the symmetric part.
  out = max(eig((a + a') / 2));
end

function out = eigmin(a)
  % The smallest eigenvalue of the symmetric part.
  out = min(eig((a + a') / 2));
end

function out = eigvecmax(a)
  % A unit eigenvector of the largest eigenvalue of the symmetric part.
  [vectors, values] = eig((a + a') / 2);
  [~, place] = max(diag(values));
  out = vectors(:, place);
end

function out = eigvecmin(a)
  % A unit eigenvector of the smallest eigenvalue of the symmetric part.
  [vectors, values] = eig((a + a') / 2);
  [~, place] = min(diag(values));
  out = vectors(:, place);
end

function out = real_eig(a)
  % Eigenvalues in ascending order; NaN where they are not real.
  out = eig(a);
  if isreal(out)
    out = sort(out);
  else
    out = NaN(size(a, 1), 1);
  end
end

function out = real_eigvecs(a)
  % Unit eigenvectors as columns, in the order of real_eig; NaN where they are not real.
  [vectors, values] = eig(a);
  if isreal(values)
    [~, order] = sort(diag(values));
    out = vectors(:, order);
  else
    out = NaN(size(a));
  end
end

function out = eiggaps(x)
  % 1 / (x_j - x_i) at (i, j), zeros on the diagonal.
  x = x(:);
  gaps = x.' - x + eye(numel(x));
  out = 1 ./ gaps - eye(numel(x));
end

function out = sinm(a)
  % Matrix sine.
  e = expm(1i * a);
  out = (e - expm(-1i * a)) / 2i;
  if isreal(a)
    out = real(out);
  end
end

function out = cosm(a)
  % Matrix cosine.
  out = (expm(1i * a) + expm(-1i * a)) / 2;
  if isreal(a)
    out = real(out);
  end
end

function out = frechet(f, a, varargin)
  % The Frechet derivative of a matrix function: a corner of its value at a block triangular matrix [Mathias, 1996].
  n = size(a, 1);
  for k = 1:numel(varargin)
    e = kron(eye(2 ^ (k - 1)), varargin{k});
    a = [a, e; zeros(size(a)), a];
  end
  out = f(a);
  out = out(1:n, end-n+1:end);
end

function out = lgamma(x)
  % Logarithm of the absolute value of the gamma function.
  if all(x(:) > 0)
    out = gammaln(x);
  else
    out = log(abs(gamma(x)));
  end
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
