# f(A, b, z) = norm2(A*z - b)^2
#
# Derivatives
#     df/dA = 2*(A*z - b)*z^H
#     df/db = 2*(b - A*z)
#     df/dz = 2*A^H*(A*z - b)
#
# Declarations
#     A  (m, n)  complex
#     b  (m,)  complex
#     z  (n,)  complex
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
function f(A, b, z)
    return norm(A * z - b) ^ 2
end

"""
The value of f and its gradient by A, b, z.
"""
function f_and_gradient(A, b, z)
    t0 = A * z
    t1 = t0 - b
    return norm(t1) ^ 2, 2 * t1 * transpose(conj.(z)), 2 * (b - t0), 2 * (transpose(conj.(A)) * t1)
end
