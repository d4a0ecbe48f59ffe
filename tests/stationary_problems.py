"""Stationarity problems with their textbook answers: function, unknowns, declarations, constraints, answer, verdict.

``book`` is the answer as books write it, ``ours`` as it is printed; the two are compared in numbers and in length.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One problem; several unknowns are separated by blanks, their answers by ``;``."""

    name: str
    f: str
    unknowns: str
    declared: str
    book: str
    ours: str
    verdict: str
    subject_to: tuple[str, ...] = ()


LS = "A[m,n] x[n] b[m]"
MAT = "A[m,n] X[n,p] B[m,p]"
PROBLEMS = [
    # vectors
    Problem("least squares", "norm2(A*x - b)^2", "x", LS, "inv(A'*A)*A'*b", "pinv(A)*b", "minimum"),
    Problem("its negative", "-norm2(A*x - b)^2", "x", LS, "inv(A'*A)*A'*b", "pinv(A)*b", "maximum"),
    Problem("least squares by the norm", "norm2(A*x - b)", "x", LS, "inv(A'*A)*A'*b", "pinv(A)*b", "minimum"),
    Problem(
        "ridge", "norm2(A*x - b)^2 + t*norm2(x)^2", "x", f"{LS} t(positive)",
        "inv(A'*A + t*eye(n))*A'*b", "inv(A'*A + t*eye(n))*A'*b", "minimum",
    ),
    Problem(
        "Tikhonov", "norm2(A*x - b)^2 + t*norm2(D*x)^2", "x", f"{LS} t(positive) D[k,n]",
        "inv(A'*A + t*D'*D)*A'*b", "inv(A'*A + t*D'*D)*A'*b", "minimum",
    ),
    Problem(
        "generalised least squares", "(y - A*x)'*inv(S)*(y - A*x)", "x", "A[m,n] x[n] y[m] S[m,m](psd)",
        "inv(A'*inv(S)*A)*A'*inv(S)*y", "inv(A'*inv(S)*A)*A'*inv(S)*y", "minimum",
    ),
    Problem(
        "weighted least squares", "sum(w.*(A*x - b).^2)", "x", f"{LS} w[m](positive)",
        "inv(A'*diag(w)*A)*A'*diag(w)*b", "inv(A'*diag(w)*A)*A'*(b.*w)", "minimum",
    ),
    Problem(
        "two least squares", "norm2(A*x - b)^2 + norm2(C*x - d)^2", "x", f"{LS} C[k,n] d[k]",
        "inv(A'*A + C'*C)*(A'*b + C'*d)", "inv(A'*A + C'*C)*(A'*b + C'*d)", "minimum",
    ),
    Problem(
        "posterior mean", "(x - u)'*inv(P)*(x - u) + (y - H*x)'*inv(R)*(y - H*x)", "x",
        "x[n] u[n] P[n,n](psd) R[p,p](psd) y[p] H[p,n]", "inv(inv(P) + H'*inv(R)*H)*(inv(P)*u + H'*inv(R)*y)",
        "inv(H'*inv(R)*H + inv(P))*(H'*inv(R)*y + inv(P)*u)", "minimum",
    ),
    Problem("quadratic", "x'*A*x/2 - b'*x", "x", "A[n,n](psd) x[n] b[n]", "inv(A)*b", "inv(A)*b", "minimum"),
    Problem("quadratic form", "x'*A*x/2 - b'*x", "x", "A[n,n] x[n] b[n]", "2*inv(A + A')*b", "2*inv(A + A')*b", "unknown"),
    Problem("concave quadratic", "b'*x - x'*A*x", "x", "A[n,n](psd) x[n] b[n]", "inv(A)*b/2", "inv(A)*b/2", "maximum"),
    Problem(
        "weights on entries", "sum(w.*(x - b).^2) + t*norm2(x)^2", "x", "w[n](positive) x[n] b[n] t(positive)",
        "w.*b./(w .+ t)", "b.*w./(t .+ w)", "minimum",
    ),
    Problem("mean of columns", "normf(X - u*ones(k)')^2", "u", "X[n,k] u[n]", "X*ones(k)/k", "X*ones(k)/k", "minimum"),
    Problem(
        "one equation with ridge", "(a'*x - c)^2 + t*norm2(x)^2", "x", "a[n] x[n] c t(positive)",
        "c*a/(a'*a + t)", "c*a/(t + a'*a)", "minimum",
    ),
    # scalars
    Problem("projection on a line", "norm2(c*a - y)^2", "c", "c a[n] y[n]", "a'*y/(a'*a)", "a'*y/(a'*a)", "minimum"),
    Problem("a multiple of a matrix", "normf(c*A - B)^2", "c", "c A[m,n] B[m,n]", "tr(A'*B)/tr(A'*A)", "sum(A.*B)/sum(A.^2)", "minimum"),
    Problem("variance", "c*log(s) + q/s", "s", "c(positive) s(positive) q(positive)", "q/c", "q/c", "minimum"),
    Problem("deviation", "c*log(s) + q/s^2", "s", "c(positive) s(positive) q(positive)", "sqrt(2*q/c)", "sqrt(2*q/c)", "minimum"),
    Problem("Poisson rate", "y*log(a) - k*a", "a", "y(positive) a(positive) k(positive)", "y/k", "y/k", "maximum"),
    Problem("rate, by its logarithm", "exp(a) - y*a", "a", "y(positive) a", "log(y)", "log(y)", "minimum"),
    Problem("power", "a^4/4 - c*a", "a", "a(positive) c(positive)", "c^(1/3)", "c^(1/3)", "minimum"),
    Problem("barrier", "(a - b)^2/2 - t*log(a)", "a", "a(positive) b t(positive)", "(b + sqrt(b^2 + 4*t))/2", "(b + sqrt(b^2 + 4*t))/2", "minimum"),
    # entry by entry
    Problem("log-odds", "sum(softplus(x)) - y'*x", "x", "x[n] y[n](positive)", "log(y./(1 .- y))", "log(y./(1 .- y))", "minimum"),
    Problem("log-linear", "sum(exp(x)) - c'*x", "x", "x[n] c[n](positive)", "log(c)", "log(c)", "minimum"),
    Problem("log-linear in A x", "sum(exp(A*x)) - c'*x", "x", "x[n] c[n] A[n,n](invertible)", "inv(A)*log(inv(A)'*c)", "inv(A)*log(inv(A)'*c)", "minimum"),
    Problem("entropy", "sum(x.*log(x)) - c'*x", "x", "x[n](positive) c[n]", "exp(c .- 1)", "exp(c .- 1)", "minimum"),
    Problem("reciprocals", "sum(a./x) + c'*x", "x", "x[n](positive) a[n](positive) c[n](positive)", "sqrt(a./c)", "sqrt(a./c)", "minimum"),
    Problem("quartic", "sum(x.^4)/4 - c'*x", "x", "x[n] c[n]", "sign(c).*abs(c).^(1/3)", "sign(c).*abs(c).^(1/3)", "minimum"),
    Problem("square roots", "2*sum(sqrt(x)) - c'*x", "x", "x[n](positive) c[n](positive)", "1./c.^2", "1./c.^2", "maximum"),
    Problem(
        "prox of a logarithm", "norm2(x - b)^2/2 - t*sum(log(x))", "x", "x[n](positive) b[n] t(positive)",
        "(b + sqrt(b.^2 .+ 4*t))/2", "(sqrt(b.^2 .+ 4*t) + b)/2", "minimum",
    ),
    Problem("weighted approximation", "sum(W.*(X - B).^2)", "X", "W[m,n](positive) X[m,n] B[m,n]", "B", "B", "minimum"),
    Problem(
        "weighted ridge", "sum(W.*(X - B).^2) + t*normf(X)^2", "X", "W[m,n](positive) X[m,n] B[m,n] t(positive)",
        "W.*B./(W .+ t)", "B.*W./(W .+ t)", "minimum",
    ),
    # matrices
    Problem("multivariate regression", "normf(A*X - B)^2", "X", MAT, "inv(A'*A)*A'*B", "pinv(A)*B", "minimum"),
    Problem("from the right", "normf(X*A - B)^2", "X", "X[p,n] A[n,m] B[p,m]", "B*A'*inv(A*A')", "B*pinv(A)", "minimum"),
    Problem("from both sides", "normf(A*X*C - B)^2", "X", "A[m,n] X[n,p] C[p,q] B[m,q]", "inv(A'*A)*A'*B*C'*inv(C*C')", "pinv(A)*B*pinv(C)", "minimum"),
    Problem(
        "matrix ridge", "normf(A*X - B)^2 + t*normf(X)^2", "X", f"{MAT} t(positive)",
        "inv(A'*A + t*eye(n))*A'*B", "inv(A'*A + t*eye(n))*A'*B", "minimum",
    ),
    Problem(
        "Sylvester", "normf(A*X - B)^2 + normf(X*C - D)^2", "X", "A[m,n] X[n,p] C[p,q] B[m,p] D[n,q]",
        "sylvester(A'*A, C*C', A'*B + D*C')", "sylvester(A'*A,C*C',A'*B + D*C')", "minimum",
    ),
    Problem(
        "ridge from both sides", "normf(A*X*C - B)^2 + t*normf(X)^2", "X", "A[m,n] X[n,p] C[p,q] B[m,q] t(positive)",
        "reshape(inv(kron(C*C', A'*A) + t*eye(n*p))*vec(A'*B*C'), n, p)",
        "reshape(inv(kron(C*C',A'*A) + t*eye(n*p))*vec(A'*B*C'),n,p)", "minimum",
    ),
    Problem("two quadratic sides", "tr(A*X*B*X') - 2*tr(C'*X)", "X", "A[m,m](psd) B[n,n](psd) X[m,n] C[m,n]", "inv(A)*C*inv(B)", "inv(A)*C*inv(B)", "minimum"),
    Problem("matrix and its transpose", "normf(X - B)^2 + normf(X - X')^2", "X", "X[n,n] B[n,n]", "(3*B + 2*B')/5", "(3*B + 2*B')/5", "minimum"),
    Problem("trace term", "tr(A'*X)^2 + normf(X)^2 - 2*tr(B'*X)", "X", "A[m,n] X[m,n] B[m,n]", "B - A*sum(A.*B)/(1 + sum(A.^2))", "B - sum(A.*B)*A/(1 + sum(A.^2))", "minimum"),
    Problem("precision", "logdet(P) - tr(P*Q)", "P", "P[n,n](psd) Q[n,n](psd)", "inv(Q)", "inv(Q)", "maximum"),
    Problem("covariance", "k*logdet(S) + tr(inv(S)*Q)", "S", "S[n,n](psd) Q[n,n](psd) k(positive)", "Q/k", "Q/k", "minimum"),
    Problem("covariance, no attributes", "c*logdet(S) + tr(inv(S)*Q)", "S", "S[n,n] Q[n,n](invertible) c(positive)", "Q/c", "Q/c", "unknown"),
    Problem("inverse Wishart mode", "c*logdet(S) + tr(inv(S)*(Q + X*X'))", "S", "S[n,n](psd) Q[n,n](psd) X[n,k] c(positive)", "(Q + X*X')/c", "(X*X' + Q)/c", "minimum"),
    Problem("shifted determinant", "logdet(X + B) - tr(X*Q)", "X", "X[n,n] B[n,n] Q[n,n](invertible)", "inv(Q) - B", "inv(Q) - B", "unknown"),
    Problem("von Neumann", "tr(expm(X)) - tr(X*C)", "X", "X[n,n](symmetric) C[n,n](psd)", "logm(C)", "logm(C)", "minimum"),
    Problem("prox of logdet", "normf(X - B)^2/2 - t*logdet(X)", "X", "X[n,n](psd) B[n,n](symmetric) t(positive)", "(B + sqrtm(B*B + 4*t*eye(n)))/2", "(sqrtm(B^2 + 4*t*eye(n)) + B)/2", "minimum"),
    Problem(
        "geometric mean", "tr(inv(A)*X) + tr(B*inv(X))", "X", "X[n,n](psd) B[n,n](psd) A[n,n](psd)",
        "sqrtm(A)*sqrtm(inv(sqrtm(A))*B*inv(sqrtm(A)))*sqrtm(A)", "", "minimum",
    ),
    # matrices with a structure
    Problem("nearest symmetric", "normf(X - B)^2", "X", "X[n,n](symmetric) B[n,n]", "(B + B')/2", "(B + B')/2", "minimum"),
    Problem("nearest skew", "normf(X - B)^2", "X", "X[n,n](skew) B[n,n]", "(B - B')/2", "(B - B')/2", "minimum"),
    Problem("nearest diagonal", "normf(X - B)^2", "X", "X[n,n](diagonal) B[n,n]", "diag(diag(B))", "diag(diag(B))", "minimum"),
    Problem("symmetric regression", "normf(A*X - B)^2", "X", "A[m,n] X[n,n](symmetric) B[m,n]", "sylvester(A'*A, A'*A, A'*B + B'*A)", "sylvester(A'*A,A'*A,A'*B + B'*A)", "minimum"),
    Problem("skew regression", "normf(A*X - B)^2", "X", "A[m,n] X[n,n](skew) B[m,n]", "sylvester(A'*A, A'*A, A'*B - B'*A)", "sylvester(A'*A,A'*A,A'*B - B'*A)", "minimum"),
    Problem("symmetric part", "c*logdet(S) + tr(inv(S)*Q)", "S", "S[n,n](symmetric) Q[n,n](invertible) c(positive)", "(Q + Q')/(2*c)", "(Q + Q')/(2*c)", "unknown"),
    Problem("diagonal covariance", "logdet(D) + tr(inv(D)*Q)", "D", "D[n,n](diagonal,psd) Q[n,n](psd)", "diag(diag(Q))", "diag(diag(Q))", "minimum"),
    # several unknowns
    Problem(
        "regression with an intercept", "norm2(A*x + c*ones(m) - b)^2", "x c", f"{LS} c",
        "inv(A'*(A .- sum(A,1)/m))*A'*(b .- sum(b)/m); sum(b - A*inv(A'*(A .- sum(A,1)/m))*A'*(b .- sum(b)/m))/m", "", "minimum",
    ),
    Problem(
        "Gaussian likelihood", "k*logdet(S) + tr((X - u*ones(k)')'*inv(S)*(X - u*ones(k)'))", "u S", "X[n,k] S[n,n](psd) u[n]",
        "X*ones(k)/k; (X - X*ones(k)*ones(k)'/k)*(X - X*ones(k)*ones(k)'/k)'/k", "X*ones(k)/k; (X .- X*ones(k)/k)*X'/k", "minimum",
    ),
    Problem(
        "means and variances", "k*sum(log(v)) + sum((X - u*ones(k)').^2./(v*ones(k)'))", "u v", "X[n,k] v[n](positive) u[n]",
        "X*ones(k)/k; sum((X - X*ones(k)*ones(k)'/k).^2, 2)/k", "X*ones(k)/k; (X .- X*ones(k)/k).^2*ones(k)/k", "minimum",
    ),
    Problem("bilinear", "x'*A*y - b'*x - c'*y", "x y", "x[n] y[n] A[n,n](invertible) b[n] c[n]", "inv(A)'*c; inv(A)*b", "inv(A)'*c; inv(A)*b", "saddle"),
    Problem(
        "game", "norm2(x)^2 - norm2(y)^2 + 2*x'*A*y - 2*b'*y", "x y", "A[n,k] x[n] y[k] b[k]",
        "A*inv(eye(k) + A'*A)*b; -inv(eye(k) + A'*A)*b", "A*inv(A'*A + eye(k))*b; -inv(A'*A + eye(k))*b", "saddle",
    ),
    # constraints
    Problem("least norm", "norm2(x)^2", "x", "x[n] C[p,n] d[p]", "C'*inv(C*C')*d", "pinv(C)*d", "minimum", ("C*x - d",)),
    Problem("projection", "norm2(x - z)^2", "x", "x[n] z[n] C[p,n] d[p]", "z - C'*inv(C*C')*(C*z - d)", "z + pinv(C)*(d - C*z)", "minimum", ("C*x - d",)),
    Problem(
        "quadratic programme", "x'*A*x/2 - b'*x", "x", "A[n,n](psd) x[n] b[n] C[p,n] d[p]",
        "inv(A)*(b - C'*inv(C*inv(A)*C')*(C*inv(A)*b - d))", "inv(A)*(b + C'*inv(C*inv(A)*C')*(d - C*inv(A)*b))", "minimum", ("C*x - d",),
    ),
    Problem(
        "constrained least squares", "norm2(A*x - b)^2", "x", f"{LS} C[p,n] d[p]",
        "inv(A'*A)*(A'*b - C'*inv(C*inv(A'*A)*C')*(C*inv(A'*A)*A'*b - d))", "", "minimum", ("C*x - d",),
    ),
    Problem("least variance portfolio", "w'*S*w", "w", "w[n] S[n,n](psd)", "inv(S)*ones(n)/(ones(n)'*inv(S)*ones(n))", "inv(S)*ones(n)/sum(inv(S))", "minimum", ("sum(w) - 1",)),
    Problem(
        "portfolio with a return", "w'*S*w/2", "w", "w[n] S[n,n](psd) r u[n]",
        "inv(S)*(((ones(n)'*inv(S)*ones(n))*r - u'*inv(S)*ones(n))*u + ((u'*inv(S)*u) - (u'*inv(S)*ones(n))*r)*ones(n))"
        "/((ones(n)'*inv(S)*ones(n))*(u'*inv(S)*u) - (u'*inv(S)*ones(n))^2)", "", "minimum", ("sum(w) - 1", "u'*w - r"),
    ),
    Problem("unbiased combination", "a'*S*a", "a", "a[n] S[n,n](psd) h[n]", "inv(S)*h/(h'*inv(S)*h)", "inv(S)*h/(h'*inv(S)*h)", "minimum", ("h'*a - 1",)),
    Problem("uniform", "sum(x.*log(x))", "x", "x[n](positive)", "ones(n)/n", "ones(n)/n", "minimum", ("sum(x) - 1",)),
    Problem("softmax", "sum(x.*log(x)) - c'*x", "x", "x[n](positive) c[n]", "softmax(c)", "softmax(c)", "minimum", ("sum(x) - 1",)),
    Problem("softmax with a temperature", "c'*x - t*sum(x.*log(x))", "x", "x[n](positive) c[n] t(positive)", "softmax(c/t)", "softmax(c/t)", "maximum", ("sum(x) - 1",)),
    Problem("softmax of rows", "sum(P.*log(P)) - tr(C'*P)", "P", "P[m,n](positive) C[m,n]", "softmax(C,2)", "softmax(C,2)", "minimum", ("sum(P,2) - ones(m)",)),
    Problem("relative entropy", "sum(x.*log(x./q)) - c'*x", "x", "x[n](positive) c[n] q[n](positive)", "q.*exp(c)/(q'*exp(c))", "q.*exp(c)/(exp(c)'*q)", "minimum", ("sum(x) - 1",)),
    Problem("frequencies", "sum(y.*log(p))", "p", "p[n](positive) y[n](positive)", "y/sum(y)", "y/sum(y)", "maximum", ("sum(p) - 1",)),
    Problem("secant update", "normf(X - B)^2", "X", "X[m,n] B[m,n] s[n] y[m]", "B + (y - B*s)*s'/(s'*s)", "B + (y - B*s)*s'/(s'*s)", "minimum", ("X*s - y",)),
    Problem("matrix of least norm", "normf(X)^2", "X", "C[p,n] X[n,k] B[p,k]", "C'*inv(C*C')*B", "pinv(C)*B", "minimum", ("C*X - B",)),
    Problem("trace one", "normf(X - B)^2", "X", "X[n,n](symmetric) B[n,n](symmetric)", "B + (1 - tr(B))*eye(n)/n", "B + (1 - tr(B))*eye(n)/n", "minimum", ("tr(X) - 1",)),
    Problem("rows that sum to one", "normf(X - B)^2", "X", "X[m,n] B[m,n]", "B - (B*ones(n) - ones(m))*ones(n)'/n", "B .- (B*ones(n) .- 1)/n", "minimum", ("sum(X,2) - ones(m)",)),
]  # fmt: skip
