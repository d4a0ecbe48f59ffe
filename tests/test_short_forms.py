"""What has a name is called by it, and sums are put together: each form, the value it keeps, and that it is settled."""

import judge
import numpy as np
import pytest
from numpy.testing import assert_allclose

import matcalc as mc

DECLARED = (
    "A[n,n] B[n,n] C[n,n] S[n,n](symmetric) P[n,n](psd) T[n,m] X[m,n] Y[m,n] V[m,n] x[n] y[n] v[n] z[m] w[n] u[m] "
    "a b c p(positive) q(positive)"
)
FORMS = (
    # logistic functions
    ("exp(x)./(1 .+ exp(x))", "sigmoid(x)"),
    ("1./(1 .+ exp(-x))", "sigmoid(x)"),
    ("exp(-x)./(1 .+ exp(-x))", "sigmoid(-x)"),
    ("exp(a)/(1 + exp(a))", "sigmoid(a)"),
    ("1/(1 + exp(x'*y))", "sigmoid(-x'*y)"),
    ("1./(1 .+ exp(-X*w)) - z", "sigmoid(X*w) - z"),
    ("1/(1 + exp(b - a))", "sigmoid(a - b)"),
    ("exp(a)/(exp(a) + exp(b))", "sigmoid(a - b)"),
    ("y./(1 .+ exp(-x))", "y.*sigmoid(x)"),
    ("exp(x)./(1 .+ exp(x)).^2", "sigmoid(x).*sigmoid(-x)"),
    ("exp(2*x)./(1 .+ exp(x)).^2", "sigmoid(x).^2"),
    ("1./(exp(x).*(1 .+ exp(-x)))", "sigmoid(-x)"),
    ("diag(1./(1 .+ exp(-x)))", "diag(sigmoid(x))"),
    # softmax and log-sum-exp
    ("exp(x)/sum(exp(x))", "softmax(x)"),
    ("exp(X*w)/sum(exp(X*w))", "softmax(X*w)"),
    ("exp(X)./(sum(exp(X),2)*ones(1,n))", "softmax(X,2)"),
    ("exp(X)./(ones(m)*sum(exp(X),1))", "softmax(X,1)"),
    ("diag(1./sum(exp(X),2))*exp(X)", "softmax(X,2)"),
    ("diag(1./(z + sum(exp(X),2)))*exp(X)", "diag(1./(z + sum(exp(X),2)))*exp(X)"),
    ("X'*exp(z)/sum(exp(z))", "X'*softmax(z)"),
    ("diag(exp(x))/sum(exp(x)) - exp(x)*exp(x)'/sum(exp(x))^2", "diag(softmax(x)) - softmax(x)*softmax(x)'"),
    ("log(sum(exp(x)))", "logsumexp(x)"),
    ("log(sum(exp(X),1))", "logsumexp(X,1)"),
    ("log(ones(n)'*exp(x))", "logsumexp(x)"),
    ("exp(x .- logsumexp(x))", "softmax(x)"),
    # hyperbolic and circular functions
    ("(exp(x) - exp(-x))./(exp(x) + exp(-x))", "tanh(x)"),
    ("(exp(-a) - exp(a))/(exp(a) + exp(-a))", "-tanh(a)"),
    ("(exp(2*a) - 1)/(exp(2*a) + 1)", "tanh(a)"),
    ("sinh(x)./cosh(x)", "tanh(x)"),
    ("2*sigmoid(2*x) .- 1", "tanh(x)"),
    ("(exp(x) + exp(-x))/2", "cosh(x)"),
    ("(exp(a) - exp(-a))/2", "sinh(a)"),
    ("sin(a)^2 + cos(a)^2", "1"),
    ("z + u.*sin(u).^2 + u.*cos(u).^2", "u + z"),
    ("cosh(x).^2 - sinh(x).^2", "ones(n)"),
    # softplus and other logarithms
    ("log(1 .+ exp(x))", "softplus(x)"),
    ("log(1 + exp(-a))", "softplus(-a)"),
    ("-log(sigmoid(x))", "softplus(-x)"),
    ("log(1 .- sigmoid(x))", "-softplus(x)"),
    ("exp(-softplus(x))", "sigmoid(-x)"),
    ("exp(log(p))", "p"),
    ("exp(a)*exp(b)/exp(c)", "exp(a + b - c)"),
    ("exp(x).*exp(y)", "exp(x + y)"),
    # norms and absolute values
    ("sqrt(x'*x)", "norm2(x)"),
    ("sqrt(sum(x.^2))", "norm2(x)"),
    ("sqrt(tr(X'*X))", "normf(X)"),
    ("sqrt(sum(X.^2))", "normf(X)"),
    ("(x'*x)^(3/2)", "norm2(x)^3"),
    ("x/sqrt(x'*x)", "x/norm2(x)"),
    ("w'*X'*X*w", "norm2(X*w)^2"),
    ("tr(B'*A'*A*B)", "normf(A*B)^2"),
    ("sum(abs(x))", "norm1(x)"),
    ("sqrt(x.^2)", "abs(x)"),
    ("abs(x).^2", "x.^2"),
    ("x./abs(x)", "sign(x)"),
    ("x.^3./abs(x)", "x.^2.*sign(x)"),
    ("maximum(x,0)", "relu(x)"),
    # squares
    ("x'*x - 2*x'*y + y'*y", "norm2(x - y)^2"),
    ("4*x'*x - 4*x'*y + y'*y", "norm2(y - 2*x)^2"),
    ("2*x'*y - x'*x - y'*y", "-norm2(x - y)^2"),
    ("w'*X'*X*w - 2*w'*X'*z + z'*z", "norm2(X*w - z)^2"),
    ("x'*x + y'*y + v'*v - 2*x'*y - 2*x'*v + 2*y'*v", "norm2(v - x + y)^2"),
    ("3*tr(X'*X) - 6*tr(X'*Y) + 3*tr(Y'*Y)", "3*normf(X - Y)^2"),
    ("x'*x - 3*x'*y + y'*y", "norm2(y)^2 + x'*(x - 3*y)"),
    # determinants and inverses
    ("det(A)*det(B)", "det(A*B)"),
    ("det(A)*det(B)/det(C)", "det(A*B)/det(C)"),
    ("log(det(P))", "logdet(P)"),
    ("exp(logdet(P))", "det(P)"),
    ("logdet(A) + logdet(B)", "logdet(A*B)"),
    ("inv(A)*inv(B)", "inv(B*A)"),
    ("inv(A)'*inv(B)'", "inv(A*B)'"),
    ("x'*inv(A)*inv(B)*y", "x'*inv(B*A)*y"),
    ("inv(T'*T)*T'", "pinv(T)"),
    ("T*inv(T'*T)*T'", "T*pinv(T)"),
    ("inv(expm(A))", "expm(-A)"),
    ("expm(A)*B*B'*expm(A)*expm(-A)", "expm(A)*B*B'"),
    ("sqrtm(P)*sqrtm(P)*A", "P*A"),
    ("A*inv(A + B) + B*inv(A + B)", "eye(n)"),
    # traces, sums, Kronecker products
    ("tr(A*B) + tr(A*C)", "tr(A*(B + C))"),
    ("tr(A*B) - tr(C*B)", "tr((A - C)*B)"),
    ("2*tr(A*B*C) + 3*tr(A*B)", "tr(A*B*(2*C + 3*eye(n)))"),
    ("a*tr(A*B) + a*tr(A*C)", "a*tr(A*(B + C))"),
    ("tr(A) - tr(B)", "tr(A - B)"),
    ("sum(x) + sum(y)", "sum(x + y)"),
    ("kron(A,B) + kron(A,C)", "kron(A,B + C)"),
    ("kron(A,B) + 2*kron(C,B)", "kron(A + 2*C,B)"),
    ("kron(A,A) + K(n,n)*kron(A,A)", "(eye(n^2) + K(n,n))*kron(A,A)"),
    ("kron(X,eye(m)) + kron(eye(m),X)*K(m,n)", "(eye(m^2) + K(m,m))*kron(X,eye(m))"),
    ("K(n,n)*kron(A,B) + kron(B,A)*K(n,n)", "2*K(n,n)*kron(A,B)"),
    ("kron(x*x',diag(y)) - vec(y*x')*vec(y*x')'", "kron(x*x',diag(y) - y*y')"),
    ("K(n,m)*kron(X,A)*K(n,n)", "kron(A,X)"),
    ("K(m,n)*vec(X)", "vec(X')"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "form"), FORMS, ids=[t for t, _ in FORMS])
def test_form(text, form):
    e = mc.parse(text, DECLARED)
    want = mc.parse(form, DECLARED)
    short = mc.simplify(e)
    assert mc.count_ops(short) <= mc.count_ops(want) <= mc.count_ops(e), str(short)
    assert mc.simplify(short) is short
    given = judge.draw(e, extra=[want])
    value = np.asarray(judge.value(e, given))
    assert_allclose(np.asarray(judge.value(short, given)), value, rtol=1e-9, atol=1e-9, err_msg=str(short))
    assert_allclose(np.asarray(judge.value(want, given)), value, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        "exp(X)'./(sum(exp(X),2)*ones(1,n))",  # sums of rows below columns
        "diag(1./sum(exp(X),2))*exp(X)'",
        "exp(X)'*diag(1./sum(exp(X),1)')",
        "(A*exp(X))./(sum(exp(X),2)*ones(1,n))",  # a product is divided, not its factor
        "diag(1./sum(exp(X),2))*(A*exp(X))",
        "abs(o).^2",  # of something complex
        "abs(o).^3.*real(o)",
        "norm2(o)^2 + x'*y + x'*v",
        "normf(O)^2 + tr(A*X) + tr(A*B)",
        "2*sigmoid(c)*ones(n) - ones(n)",  # a scalar among arrays
    ],
)
def test_look_alikes_keep_their_value(text):
    e = mc.parse(text, "A[n,n] B[n,n] X[n,n] x[n] y[n] v[n] o[n](complex) O[n,n](complex) c")
    short = mc.simplify(e)
    given = judge.draw(e, extra=[short])
    value = np.asarray(judge.value(e, given))
    assert np.asarray(judge.value(short, given)).shape == value.shape
    assert_allclose(np.asarray(judge.value(short, given)), value, rtol=1e-9, atol=1e-9, err_msg=str(short))
