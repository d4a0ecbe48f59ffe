# f(A, r) = norm2(r')^2 + sum(exp(r*A))
#
# Derivatives
#     df/dA = r'*exp(r*A)
#     df/dr = exp(r*A)*A' + 2*r
#
# Declarations
#     A  (n, m)
#     r  (n,), a row
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
function f(A, r)
    return dot(r, r) + sum(exp.(A' * r))
end

"""
The value of f and its gradient by A, r.
"""
function f_and_gradient(A, r)
    t0 = exp.(A' * r)
    return dot(r, r) + sum(t0), r * t0', (A * t0 + 2 * r)'
end
