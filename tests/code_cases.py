"""Functions that self-checking files are made of, one of every kind."""

import matcalc as mc

CASES = {
    "least-squares": ("norm2(A*x - b)^2", "A[m,n] x[n] b[m]"),
    "trace": ("tr(A*X*B*X')", "A[m,m] X[m,n] B[n,n]"),
    "logdet": ("logdet(X'*X) + tr(S*inv(X'*X))", "X[m,n] S[n,n](symmetric)"),
    "gaussian": ("-(logdet(S) + (x - mu)'*inv(S)*(x - mu))/2", "S[n,n](psd) x[n] mu[n]"),
    "determinant": ("det(A*X*B)", "A[q,m] X[m,n] B[n,q]"),
    "adjugate": ("tr(adj(X)*A)", "X[n,n] A[n,n]"),
    "net": ("norm2(V*tanh(W*x + b) - y)^2", "V[k,m] W[m,n] x[n] b[m] y[k]"),
    "broadcast-layer": ("sum(relu(W*X .+ b))", "W[m,n] X[n,p] b[m]"),
    "cross-entropy": ("logsumexp(W*x) - y'*W*x", "W[k,n] x[n] y[k](simplex)"),
    "softmax-rows": ("sum(softmax(A,2).*B)", "A[m,n] B[m,n]"),
    "softmax-all": ("sum(softmax(A).*B)", "A[m,n] B[m,n]"),
    "logistic": ("sum(softplus(-y.*(X*w))) + norm2(w)^2/2", "X[m,n] w[n] y[m]"),
    "silu-gelu": ("sum(silu(x)) + sum(gelu(x)) + sum(elu(x, c))", "x[n] c(positive)"),
    "attention": ("(exp(Q*K'/s)./(sum(exp(Q*K'/s),2)*ones(n)'))*V", "Q[m,d] K[n,d] V[n,p] s(positive)"),
    "kron": ("normf(kron(A, B)*C)^2", "A[m,n] B[p,q] C[n*q,k]"),
    "commutation": ("sum(exp(K(m,n)*vec(A)))", "A[m,n]"),
    "duplication": ("norm2(Dup(n)*x)^2", "x[n*(n+1)/2]"),
    "vech": ("norm2(vech(S*S))^2", "S[n,n](symmetric)"),
    "norms": ("norm1(x) + norminf(x) + normf(A)", "x[n] A[m,n]"),
    "spectral-norms": ("nuclear(A) + spectral(A)", "A[m,n]"),
    "eigenvalues": ("eigmax(S) - eigmin(S) + sum(eig(S).^3)", "S[n,n](symmetric)"),
    "eigenvectors": ("eigvecmax(S)'*A*eigvecmax(S)", "S[n,n](symmetric) A[n,n]"),
    "pseudoinverse": ("norm2(pinv(A)*b)^2", "A[m,n] b[m]"),
    "matrix-functions": ("tr(expm(X)*A) + tr(cosm(X)*A)", "X[n,n] A[n,n]"),
    "square-root": ("tr(sqrtm(P)*A)", "P[n,n](psd) A[n,n]"),
    "matrix-power": ("tr(X^5*A)", "X[n,n] A[n,n]"),
    "unspecified": ("L(W*X .+ b)", "W[m,n] X[n,p] b[m]"),
    "orthogonal": ("tr(Q*A*Q'*B)", "Q[n,n](orthogonal) A[n,n] B[n,n]"),
    "unit": ("u'*A*u", "u[n](unit) A[n,n]"),
    "simplex": ("sum(p.*log(p))", "p[n](simplex)"),
    "structures": (
        "tr(D*A*S*T*K*U)",
        "D[n,n](diagonal) A[n,n] S[n,n](skew) T[n,n](toeplitz) K[n,n](zero_diagonal) U[n,n](lower_triangular)",
    ),
    "integer-power": ("sum(x.^k)/k", "x[n](positive) k(integer)"),
    "dimension": ("sum(x)^2/n - tr(eye(n))*c", "x[n] c"),
    "dimension-alone": ("c*sum(ones(n))", "c"),
    "gamma": ("sum(lgamma(x)) + sum(gamma(x)) + sum(digamma(x)) + sum(erf(x))", "x[n](positive)"),
    "pieces": ("sum(maximum(x, y)) + sum(where(x, x.^2, y))", "x[n] y[n]"),
    "cumulative": ("sum(cumsum(x).^2) + prod(x) + sum(prod(A,1).^2)", "x[n] A[m,n]"),
    "parts": ("A(1,2) + x(2) + sum(A(1,:).^2) + sum(A(:,2))", "A[m,n] x[n]"),
    "cross-product": ("norm2(cross(v, w))^2 + v'*w", "v[3] w[3]"),
    "cholesky": ("sum(cholesky(P)*A)", "P[n,n](psd) A[n,n]"),
    "row": ("norm2(r)^2 + sum(exp(r*A))", "r[1,n] A[n,m]"),
    "constants": ("1e300*c*1e-300 + pi*c^2 + exp(1)*c", "c"),
    "vector": ("A*tanh(x)", "A[m,n] x[n]"),
    "matrix": ("A*inv(X)*B", "A[m,n] X[n,n](invertible) B[n,p]"),
    "column-softmax": ("softmax(A*x)", "A[m,n] x[n]"),
    "row-value": ("x'*A", "x[m] A[m,n]"),
    "complex": ("norm2(A*z - b)^2", "A[m,n](complex) z[n](complex) b[m](complex)"),
    "complex-matrix": ("A*z", "A[m,n](complex) z[n](complex)"),
    "hermitian": ("real(conj(z)'*R*z)", "R[n,n](hermitian) z[n](complex)"),
    "hermitian-logdet": ("logdet(P)", "P[n,n](psd complex)"),
    "centred": ("sum(((X .- mean(X,1)).^2)*ones(n))", "X[m,n]"),
}  # fmt: skip


def parsed(name):
    return mc.parse(*CASES[name])


def built():
    """Functions that are not written as text: arrays with more than two axes, names, results of the engine."""
    T, U, x, y, A, B, X = mc.symbols("T[m,n,p] U[m,n,p] x[n] y[p] A[m,n] B[n,p] X[n,n](invertible)")
    loss = mc.sum(mc.tanh(A @ x)) ** 2
    return {
        "einsum-vector": mc.einsum("ijk,j,k->i", T, x, y),
        "einsum-scalar": mc.einsum("ijk,ijk,j->", T, U, x),
        "tensor-result": mc.jacobian(mc.tanh(A @ B), A),
        "named-part": mc.norm2(mc.let("residual", A @ x)) ** 2,
        "a-gradient": mc.grad(loss, x),
        "a-hessian": mc.hessian(loss, x),
        "two-unspecified": mc.function("L")(A @ x) + mc.function("M")(x.T @ A.T @ A @ x),
        "stacked": mc.sum(mc.exp(mc.vstack(A, 2 * A))),
        "of-eigenvalues": mc.tr(X @ X @ X),
    }
