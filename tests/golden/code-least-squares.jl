# f(A, b, x) = norm2(A*x - b)^2
#
# Derivatives
#     df/dA = 2*(A*x - b)*x'
#     df/db = 2*(b - A*x)
#     df/dx = 2*A'*(A*x - b)
#
# Declarations
#     A  (m, n)
#     b  (m,)
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

"""
The value of f.
"""
function f(A, b, x)
    t0 = A * x - b
    return dot(t0, t0)
end

"""
The value of f and its gradient by A, b, x.
"""
function f_and_gradient(A, b, x)
    t0 = A * x
    t1 = t0 - b
    return dot(t1, t1), 2 * t1 * x', 2 * (b - t0), 2 * (A' * t1)
end
