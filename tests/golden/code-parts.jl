# f(A, x) = A(1,2) + x(2) + sum(A(1,:).^2) + sum(A(:,2))
#
# Derivatives
#     df/dA = 2*e(1,m)*e(1,m)'*A + (e(1,m) .+ 1)*e(2,n)'
#     df/dx = e(2,n)
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

function unit_vector(place, n)
    # The vector of n zeros with 1 at a place.
    out = zeros(n)
    out[place] = 1.0
    return out
end

"""
The value of f.
"""
function f(A, x)
    t0 = A[1, 2] + x[2] + sum(A[1, :] .^ 2)
    return t0 + sum(A[:, 2])
end

"""
The value of f and its gradient by A, x.
"""
function f_and_gradient(A, x)
    m = size(A, 1)
    n = size(A, 2)
    t0 = A[1, :]
    t1 = unit_vector(1, m)
    t2 = unit_vector(2, n)
    return A[1, 2] + x[2] + sum(t0 .^ 2) + sum(A[:, 2]), 2 * (t1 * t0') + (t1 .+ 1) * t2', t2
end
