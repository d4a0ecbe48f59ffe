# f(A, B, C) = normf(kron(A,B)*C)^2
#
# Derivatives
#     df/dA = 2*einsum("ik,(kl)p,(jq)p,lq->ij",A,C,C,B'*B)
#     df/dB = 2*einsum("ik,(lk)p,(qj)p,lq->ij",B,C,C,A'*A)
#     df/dC = 2*kron(A',B')*kron(A,B)*C
#
# Declarations
#     A  (m, n)
#     B  (p, q)
#     C  (n*q, k)
#
# Layout
#     a vector is a Vector and a scalar a number; a derivative has the shape of the variable it is by
#
# Run this file to check it: it prints the worst relative error and fails if that is too large.

using LinearAlgebra
using Random

const SIZES = (; k = 4, m = 3, n = 5, p = 2, q = 6)  # of the random data
const SEED, TRIALS, ATTEMPTS, TOLERANCE = 0, 5, 100, 1e-6

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

"""
The value of f.
"""
function f(A, B, C)
    return sum((kron(A, B) * C) .^ 2)
end

"""
The value of f and its gradient by A, B, C.
"""
function f_and_gradient(A, B, C)
    n = size(A, 2)
    q = size(B, 2)
    k = size(C, 2)
    t0 = kron(A, B) * C
    t1 = reshape(C', :, n)'
    t2 = permutedims(reshape(C', k, q, n), (3, 2, 1))
    t3 = reshape(permutedims(reshape((A' * A * t1)', k, q, n), (1, 3, 2)), :, q)'
    return (
        sum(t0 .^ 2),
        2 * (A * (t1 * reshape(permutedims(einsum("ij,bjk->bik", B' * B, t2), (3, 2, 1)), :, n))),
        2 * (B * (t3 * reshape(permutedims(t2, (3, 1, 2)), :, q))'),
        2 * (kron(A', B') * t0),
    )
end
