# f(W, X, b) = sum(relu(W*X .+ b))
#
# Derivatives
#     df/dW = step(W*X .+ b)*X'
#     df/dX = W'*step(W*X .+ b)
#     df/db = step(W*X .+ b)*ones(p)
#
# Declarations
#     W  (m, n)
#     X  (n, p)
#     b  (m,)
#
# Conditions
#     W*X .+ b nonzero (step is 0 at 0)
#
# Layout
#     a vector is a Vector and a scalar a number; a derivative has the shape of the variable it is by
#
# Run this file to check it: it prints the worst relative error and fails if that is too large.

using LinearAlgebra
using Random

const SIZES = (; m = 4, n = 3, p = 5)  # of the random data
const SEED, TRIALS, ATTEMPTS, TOLERANCE = 0, 5, 100, 1e-6

function heaviside(x)
    # 1 where x is positive, else 0.
    return x > 0 ? 1.0 : 0.0
end

"""
The value of f.
"""
function f(W, X, b)
    return sum(max.(W * X .+ b, 0))
end

"""
The value of f and its gradient by W, X, b.
"""
function f_and_gradient(W, X, b)
    t0 = W * X .+ b
    t1 = heaviside.(t0)
    return sum(max.(t0, 0)), t1 * X', W' * t1, vec(sum(t1, dims=2))
end
