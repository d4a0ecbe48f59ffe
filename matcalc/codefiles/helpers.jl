# The functions that Julia code calls; a file gets those that it needs.

function sigmoid(x)
    # 1 / (1 + exp(-x)), without overflow.
    small = exp(-abs(x))
    return x >= 0 ? 1 / (1 + small) : small / (1 + small)
end

function sigmoid(x::Complex)
    # The same of a complex number.
    return 1 / (1 + exp(-x))
end

function heaviside(x)
    # 1 where x is positive, else 0.
    return x > 0 ? 1.0 : 0.0
end

function logaddexp(a, b)
    # log(exp(a) + exp(b)), without overflow.
    return max(a, b) + log1p(exp(-abs(a - b)))
end

function logsumexp(x)
    # log(sum(exp(x))), without overflow.
    top = maximum(x)
    return log(sum(exp.(x .- top))) + top
end

function logsumexp(x, axis)
    # The same along an axis.
    top = maximum(x, dims=axis)
    return log.(sum(exp.(x .- top), dims=axis)) .+ top
end

function softmax(x)
    # exp(x) / sum(exp(x)), without overflow.
    out = exp.(x .- maximum(x))
    return out / sum(out)
end

function softmax(x, axis)
    # The same along an axis.
    out = exp.(x .- maximum(x, dims=axis))
    return out ./ sum(out, dims=axis)
end

function prod_others(x)
    # The product of all other entries at every entry, without a division.
    flat = vec(x)
    before = cumprod(vcat(one(eltype(flat)), flat[1:end-1]))
    after = reverse(cumprod(vcat(one(eltype(flat)), reverse(flat[2:end]))))
    return reshape(before .* after, size(x))
end

function prod_others(x, axis)
    # The same along an axis.
    return mapslices(prod_others, x, dims=axis)
end

function is_largest(x)
    # 1 at the first largest entry, counted row by row, else 0.
    out = zeros(size(permutedims(x)))
    out[argmax(permutedims(x))] = 1.0
    return x isa AbstractVector ? vec(out) : permutedims(out)
end

function unit_vector(place, n)
    # The vector of n zeros with 1 at a place.
    out = zeros(n)
    out[place] = 1.0
    return out
end

function diagonal_sums(a)
    # Each entry replaced by the sum along its diagonal.
    n = size(a, 1)
    sums = [sum(diag(a, k)) for k in -(n - 1):(n - 1)]
    return [sums[j - i + n] for i in 1:n, j in 1:n]
end

function diagonal_means(a)
    # Each entry replaced by the mean along its diagonal.
    n = size(a, 1)
    return diagonal_sums(a) ./ [n - abs(i - j) for i in 1:n, j in 1:n]
end

function commutation(m, n)
    # The matrix K with K * vec(A) = vec(A') for an m x n matrix A.
    places = vec(permutedims(reshape(1:m*n, m, n)))
    return Matrix(1.0I, m * n, m * n)[places, :]
end

function duplication(n)
    # The matrix D with D * vech(S) = vec(S) for a symmetric n x n matrix S.
    places = zeros(Int, n, n)
    count = 0
    for j in 1:n, i in j:n
        count += 1
        places[i, j] = count
        places[j, i] = count
    end
    return Matrix(1.0I, count, count)[vec(places), :]
end

function elimination(n)
    # The matrix E with E * vec(A) = vech(A) for an n x n matrix A.
    places = [(j - 1) * n + i for j in 1:n for i in j:n]
    return Matrix(1.0I, n * n, n * n)[places, :]
end

function toeplitz_basis(n)
    # The matrix B with B * t = vec(T) for the Toeplitz matrix with the diagonals t, the lowest first.
    places = vec([j - i + n for i in 1:n, j in 1:n])
    return Matrix(1.0I, 2n - 1, 2n - 1)[places, :]
end

function vech(a)
    # The entries on and below the diagonal, column by column.
    n = size(a, 1)
    return [a[i, j] for j in 1:n for i in j:n]
end

function half_tril(a)
    # The lower triangle, its diagonal halved.
    return tril(a) - diagm(diag(a)) / 2
end

function khatrirao(a, b)
    # The Kronecker products of columns, side by side.
    return reduce(hcat, [kron(a[:, k], b[:, k]) for k in axes(a, 2)])
end

function cross_matrix(x)
    # The matrix C with C * y the cross product of x and y.
    return [0 -x[3] x[2]; x[3] 0 -x[1]; -x[2] x[1] 0]
end

function axial(a)
    # The vector v with sum(a .* cross_matrix(y)) = sum(v .* y) for every y.
    return [a[3, 2] - a[2, 3], a[1, 3] - a[3, 1], a[2, 1] - a[1, 2]]
end

function adjugate(a)
    # The adjugate by the singular values, right for singular matrices too.
    f = svd(a)
    others = [prod(f.S[[1:k-1; k+1:end]]) for k in eachindex(f.S)]
    return sign(det(f.U) * det(f.Vt)) * f.V * diagm(others) * f.U'
end

function polar_factor(a)
    # U * V' of the thin singular value decomposition.
    f = svd(a)
    return f.U * f.Vt
end

function cholesky_factor(a)
    # The lower Cholesky factor of the symmetric part.
    return Matrix(cholesky(Hermitian((a + a') / 2)).L)
end

function real_eigvals(a)
    # Eigenvalues in ascending order; NaN where they are not real.
    found = eigvals(a)
    return eltype(found) <: Real ? sort(found) : fill(NaN, size(a, 1))
end

function real_eigvecs(a)
    # Unit eigenvectors as columns, in the order of real_eigvals; NaN where they are not real.
    found = eigen(a)
    return eltype(found.values) <: Real ? found.vectors[:, sortperm(found.values)] : fill(NaN, size(a))
end

function eiggaps(x)
    # 1 / (x_j - x_i) at (i, j), zeros on the diagonal.
    return [i == j ? 0.0 : 1 / (x[j] - x[i]) for i in eachindex(x), j in eachindex(x)]
end

function log_abs_gamma(x)
    # Logarithm of the absolute value of the gamma function.
    return logabsgamma(x)[1]
end

function frechet(f, a, directions...)
    # The Frechet derivative of a matrix function: a corner of its value at a block triangular matrix [Mathias, 1996].
    n = size(a, 1)
    for (k, e) in enumerate(directions)
        corner = kron(Matrix(1.0I, 2^(k - 1), 2^(k - 1)), e)
        a = [a corner; zero(a) a]
    end
    return f(a)[1:n, end-n+1:end]
end

function einsum(spec, arrays...)
    # The sum over named indices, such as einsum("ij,jk->ik", A, B); what is done with comes out of each product at once.
    inputs, output = split(spec, "->")
    inputs = split(inputs, ",")
    letters = unique(join(inputs))
    out = ones(ntuple(_ -> 1, length(letters)))
    for (k, (a, indices)) in enumerate(zip(arrays, inputs))
        out = out .* along_axes(a, collect(indices), letters)
        later = Set(string(join(inputs[k+1:end]), output))
        for (axis, letter) in enumerate(letters)
            if !(letter in later)
                out = sum(out, dims=axis)
            end
        end
    end
    order = Int[findfirst(==(c), letters) for c in output]
    rest = setdiff(eachindex(letters), order)
    return dropdims(permutedims(out, [order; rest]), dims=Tuple(length(order)+1:length(letters)))
end

function along_axes(a, indices, letters)
    # An array with an axis for every letter, of length 1 where it has no such index; an index that repeats is a diagonal.
    kept = unique(indices)
    lengths = [size(a, findfirst(==(c), indices)) for c in kept]
    places = [findfirst(==(c), kept) for c in indices]
    plain = [a[(i[p] for p in places)...] for i in CartesianIndices(Tuple(lengths))]
    order = sortperm([findfirst(==(c), letters) for c in kept])
    wide = [c in kept ? lengths[findfirst(==(c), kept)] : 1 for c in letters]
    return reshape(permutedims(plain, order), Tuple(wide))
end
