# f(A, B, X) = A*inv(X)*B
#
# The gradient of sum(G .* f) by
#     A: G*B'*inv(X)'
#     B: inv(X)'*A'*G
#     X: -(inv(X)*B*G'*A*inv(X))'
#
# Declarations
#     A  (m, n)
#     B  (n, p)
#     X  (n, n)  invertible
#     G  (m, p)  the gradient of a loss by the value
#
# Conditions
#     X invertible
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
function f(A, B, X)
    return A / X * B
end

"""
The value of f, and the gradient of sum(G .* f) by A, B, X.
"""
function f_and_vjp(A, B, X, G)
    t0 = X' \ A'
    t1 = G * (X \ B)'
    return t0' * B, t1, t0 * G, -(t1' * t0')'
end
