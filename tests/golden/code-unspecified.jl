# f(W, X, b, L, dL) = L(W*X .+ b)
#
# Derivatives
#     df/dW = dL(W*X .+ b)*X'
#     df/dX = W'*dL(W*X .+ b)
#     df/db = dL(W*X .+ b)*ones(p)
#
# Declarations
#     W   (m, n)
#     X   (n, p)
#     b   (m,)
#     L   a function of an array
#     dL  a function: the gradient of L, in the shape of its argument
#
# Layout
#     a vector is a Vector and a scalar a number; a derivative has the shape of the variable it is by
#
# Run this file to check it: it prints the worst relative error and fails if that is too large.

using LinearAlgebra
using Random

const SIZES = (; m = 4, n = 3, p = 5)  # of the random data
const SEED, TRIALS, ATTEMPTS, TOLERANCE = 0, 5, 100, 1e-6

"""
The value of f.
"""
function f(W, X, b, L, dL)
    return L(W * X .+ b)
end

"""
The value of f and its gradient by W, X, b.
"""
function f_and_gradient(W, X, b, L, dL)
    t0 = W * X .+ b
    t1 = dL(t0)
    return L(t0), t1 * X', W' * t1, vec(sum(t1, dims=2))
end
