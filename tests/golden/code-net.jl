# f(V, W, b, x, y) = norm2(V*tanh(W*x + b) - y)^2
#
# Derivatives
#     df/dV = 2*(V*tanh(W*x + b) - y)*tanh(W*x + b)'
#     df/dW = 2*((1 .- h.^2).*(V'*(V*h - y)))*x'
#         where h = tanh(W*x + b)
#     df/db = 2*(1 .- h.^2).*(V'*(V*h - y))
#         where h = tanh(W*x + b)
#     df/dx = 2*W'*((1 .- h.^2).*(V'*(V*h - y)))
#         where h = tanh(W*x + b)
#     df/dy = 2*(y - V*tanh(W*x + b))
#
# Declarations
#     V  (k, m)
#     W  (m, n)
#     b  (m,)
#     x  (n,)
#     y  (k,)
#
# Layout
#     a vector is a Vector and a scalar a number; a derivative has the shape of the variable it is by
#
# Run this file to check it: it prints the worst relative error and fails if that is too large.

using LinearAlgebra
using Random

const SIZES = (; k = 4, m = 3, n = 5)  # of the random data
const SEED, TRIALS, ATTEMPTS, TOLERANCE = 0, 5, 100, 1e-6

"""
The value of f.
"""
function f(V, W, b, x, y)
    t0 = V * tanh.(W * x + b) - y
    return dot(t0, t0)
end

"""
The value of f and its gradient by V, W, b, x, y.
"""
function f_and_gradient(V, W, b, x, y)
    t0 = tanh.(W * x + b)
    t1 = V * t0
    t2 = t1 - y
    t3 = (1 .- t0 .^ 2) .* (V' * t2)
    t4 = 2 * t3
    return dot(t2, t2), 2 * t2 * t0', t4 * x', t4, 2 * (W' * t3), 2 * (y - t1)
end
