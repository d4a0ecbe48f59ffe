# f(S, mu, x) = -(logdet(S) + (x - mu)'*inv(S)*(x - mu))/2
#
# Derivatives
#     df/dS = (inv(S)*(x - mu)*(x - mu)' - eye(n))*inv(S)/2
#     df/dmu = inv(S)*(x - mu)
#     df/dx = inv(S)*(mu - x)
#
# Declarations
#     S   (n, n)  psd
#     mu  (n,)
#     x   (n,)
#
# Conditions
#     S invertible
#
# Layout
#     a vector is a Vector and a scalar a number; a derivative has the shape of the variable it is by
#
# Run this file to check it: it prints the worst relative error and fails if that is too large.

using LinearAlgebra
using Random

const SIZES = (; n = 4)  # of the random data
const SEED, TRIALS, ATTEMPTS, TOLERANCE = 0, 5, 100, 1e-6

"""
The value of f.
"""
function f(S, mu, x)
    t0 = x - mu
    return -0.5 * (logabsdet(S)[1] + dot(t0, S \ t0))
end

"""
The value of f and its gradient by S, mu, x.
"""
function f_and_gradient(S, mu, x)
    t0 = x - mu
    t1 = inv(S)
    t2 = t1 * t0
    return -0.5 * (logabsdet(S)[1] + dot(t0, t2)), 0.5 * (t2 * t2' - t1), t2, t1 * (mu - x)
end
