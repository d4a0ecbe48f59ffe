# f(A, B) = sum(softmax(A,2).*B)
#
# Derivatives
#     df/dA = B.*softmax(A,2) - diag((B.*softmax(A,2))*ones(n))*softmax(A,2)
#     df/dB = softmax(A,2)
#
# Declarations
#     A  (m, n)
#     B  (m, n)
#
# Layout
#     a vector is a Vector and a scalar a number; a derivative has the shape of the variable it is by
#
# Run this file to check it: it prints the worst relative error and fails if that is too large.

using LinearAlgebra
using Random

const SIZES = (; m = 4, n = 3)  # of the random data
const SEED, TRIALS, ATTEMPTS, TOLERANCE = 0, 5, 100, 1e-6

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

"""
The value of f.
"""
function f(A, B)
    return sum(softmax(A, 2) .* B)
end

"""
The value of f and its gradient by A, B.
"""
function f_and_gradient(A, B)
    t0 = softmax(A, 2)
    t1 = t0 .* B
    return sum(t1), t1 - vec(sum(t1, dims=2)) .* t0, t0
end
