# f(W, x, y) = logsumexp(W*x) - y'*W*x
#
# Derivatives
#     df/dW = (softmax(W*x) - y)*x'
#     df/dx = W'*(softmax(W*x) - y)
#     df/dy = -W*x
#
# Declarations
#     W  (k, n)
#     x  (n,)
#     y  (k,)  simplex
#
# Layout
#     a vector is a Vector and a scalar a number; a derivative has the shape of the variable it is by
#
# Run this file to check it: it prints the worst relative error and fails if that is too large.

using LinearAlgebra
using Random

const SIZES = (; k = 4, n = 3)  # of the random data
const SEED, TRIALS, ATTEMPTS, TOLERANCE = 0, 5, 100, 1e-6

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

"""
The value of f.
"""
function f(W, x, y)
    t0 = W * x
    return logsumexp(t0) - dot(y, t0)
end

"""
The value of f and its gradient by W, x, y.
"""
function f_and_gradient(W, x, y)
    t0 = W * x
    t1 = softmax(t0) - y
    return logsumexp(t0) - dot(y, t0), t1 * x', W' * t1, -t0
end
