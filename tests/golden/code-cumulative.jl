# f(A, x) = sum(cumsum(x).^2) + prod(x) + sum(prod(A,1).^2)
#
# Derivatives
#     df/dA = 2*prodothers(A,1)*diag(prod(A,1)')
#     df/dx = prodothers(x) + 2*revcumsum(cumsum(x))
#
# Declarations
#     A  (m, n)
#     x  (n,)
#
# Layout
#     a vector is a Vector and a scalar a number; a derivative has the shape of the variable it is by
#
# Run this file to check it: it prints the worst relative error and fails if that is too large.

using LinearAlgebra
using Random

const SIZES = (; m = 4, n = 3)  # of the random data
const SEED, TRIALS, ATTEMPTS, TOLERANCE = 0, 5, 100, 1e-6

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

"""
The value of f.
"""
function f(A, x)
    t0 = sum(cumsum(x) .^ 2) + prod(x)
    return t0 + sum(vec(prod(A, dims=1)) .^ 2)
end

"""
The value of f and its gradient by A, x.
"""
function f_and_gradient(A, x)
    t0 = cumsum(x)
    t1 = vec(prod(A, dims=1))
    return (
        sum(t0 .^ 2) + prod(x) + sum(t1 .^ 2),
        prod_others(A, 1) .* (2 * t1)',
        prod_others(x) + 2 * reverse(cumsum(reverse(t0))),
    )
end
