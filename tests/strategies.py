"""Random well-shaped expressions over every operator, from a seeded ``random.Random``."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection

import sympy as sp

from matcalc.dims import Dim, DimSymbol, Shape, is_unit, same_dim
from matcalc.expr import (
    Entrywise,
    Expr,
    Number,
    Operator,
    add,
    broadcast_add,
    entry_at,
    hadamard,
    matmul,
    ones,
    power,
    quotient,
    symbol,
    transpose,
)
from matcalc.functions import FUNCTIONS
from matcalc.ops import OPERATORS
from matcalc.ops.linalg import MatrixPower, inv
from matcalc.ops.reductions import logsumexp, softmax, total
from matcalc.ops.structure import Reshape, diag, eye, unit_vector, vec, zeros
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient

DIMS = (DimSymbol("m"), DimSymbol("n"), DimSymbol("p"))
SHAPES: tuple[Shape, ...] = (
    (1, 1),
    *((d, 1) for d in DIMS),
    *((1, d) for d in DIMS),
    *((a, b) for a in DIMS for b in DIMS),
)

COMMON = frozenset({"Add", "BroadcastAdd", "Hadamard", "Power", "Product", "Quotient", "Transpose"})


class UnbuildableError(Exception):
    """The operator has no value of this shape."""


class Builder:
    """Builds expressions; ``operators`` are the class names that may occur, ``name`` names the symbol of a shape.

    Arguments stay where functions are smooth and defined: below a logarithm stands something positive,
    an inverse is of a matrix shifted by a multiple of the identity.
    """

    def __init__(
        self,
        rng: random.Random,
        operators: Collection[str] | None = None,
        name: Callable[[str], str] = lambda name: name,
    ) -> None:
        self.rng = rng
        self.name = name
        self.operators = sorted(OPERATORS if operators is None else operators)

    def build(self, depth: int, shape: Shape) -> Expr:
        """A random expression of a shape, of at most ``depth`` nested operators."""
        if depth <= 0 or self.rng.random() < 0.1:
            return self.leaf(shape)
        for operator in sorted(self.operators, key=self._draw):
            try:
                return self.build_with(operator, depth, shape)
            except UnbuildableError:
                continue
        return self.leaf(shape)

    def _draw(self, operator: str) -> float:
        """A random key; operators that have Python syntax come first more often."""
        return self.rng.random() ** (3 if operator in COMMON else 1)

    def build_with(self, operator: str, depth: int, shape: Shape) -> Expr:
        """An expression with this operator on top.

        Raises
        ------
        UnbuildableError
            If the operator cannot have this shape.
        """
        cls = OPERATORS[operator]
        own = getattr(self, f"_{operator}", None)
        if own is not None:
            return own(depth - 1, shape)
        if issubclass(cls, Entrywise):
            return self._entrywise(cls, depth - 1, shape)
        return self._by_signature(cls, depth - 1, shape)

    def leaf(self, shape: Shape) -> Expr:
        """A symbol, or a number where a scalar is wanted; a few names for each shape, so that they recur."""
        rows, cols = shape
        k = self.rng.randrange(2)
        if is_unit(rows) and is_unit(cols):
            if self.rng.random() < 0.3:
                return Number(self.rng.choice([sp.Integer(2), sp.Integer(-3), sp.Rational(1, 3), sp.pi, DIMS[0]]))
            return symbol(self.name("ac"[k]), (), ("positive",) if k else ())
        if is_unit(cols):
            return symbol(self.name(f"{'xy'[k]}_{_tag(rows)}"), (rows,))
        if is_unit(rows):
            return transpose(self.leaf((cols, 1)))
        return symbol(self.name(f"{'AB'[k]}_{_tag(rows)}{_tag(cols)}"), (rows, cols))

    def positive(self, depth: int, shape: Shape) -> Expr:
        """An expression with positive entries."""
        inner = self.build(depth - 1, shape)
        if self.rng.random() < 0.5:
            return FUNCTIONS["exp"](inner)
        return broadcast_add(power(inner, Number(sp.Integer(2))), Number(sp.Integer(1)))

    def regular(self, depth: int, dim: Dim) -> Expr:
        """A symmetric positive definite matrix, or a symbol."""
        if depth <= 0:
            return self.leaf((dim, dim))
        factor = self.build(depth - 1, (dim, dim))
        return add(matmul(factor, transpose(factor)), eye(dim))

    def dim(self) -> Dim:
        """A dimension of the pool."""
        return self.rng.choice(DIMS)

    # ------------------------------------------------------------------ operators by their kind
    def _entrywise(self, cls: type[Operator], depth: int, shape: Shape) -> Expr:
        domain = getattr(cls, "domain", "")
        if domain == "positive":
            args = [self.positive(depth, shape)]
        elif domain:
            args = [hadamard(Number(sp.Rational(1, 2)), FUNCTIONS["tanh"](self.build(depth - 1, shape)))]
        else:
            count = sum(f.type == "Expr" for f in cls.__dataclass_fields__.values())
            args = [self.build(depth, shape if k == 0 or self.rng.random() < 0.7 else (1, 1)) for k in range(count)]
        return cls(*args)

    def _by_signature(self, cls: type[Operator], depth: int, shape: Shape) -> Expr:
        if not cls.signature:
            raise UnbuildableError
        left, right = cls.signature.split("->")
        known: dict[str, Dim] = {"1": 1}
        for pattern, dim in zip(right.split(","), shape, strict=True):
            self._solve(pattern.strip(), dim, known)
        args = []
        for operand in left.split(";"):
            sides = [p.strip() for p in operand.split(",")]
            wanted: Shape = tuple(known.setdefault(p, self.dim()) for p in sides)
            args.append(self.build(depth, wanted))
        return cls(*args)

    def _solve(self, pattern: str, dim: Dim, known: dict[str, Dim]) -> None:
        """Give the letters of ``pattern`` dimensions whose product is ``dim``."""
        letters = [p.strip() for p in pattern.split("*")]
        factors = list(dim.args) if isinstance(dim, sp.Mul) else [dim]
        if len(letters) == 1 or len(factors) != 2:
            spare = self.rng.randrange(len(letters))
            factors = [dim if k == spare else 1 for k in range(len(letters))]
        for letter, factor in zip(letters, factors, strict=True):
            if not same_dim(known.setdefault(letter, factor), factor):
                raise UnbuildableError

    # ------------------------------------------------------------------ operators of their own shapes
    def _Add(self, depth: int, shape: Shape) -> Expr:
        terms = [self.build(depth, shape) for _ in range(self.rng.choice([2, 2, 3]))]
        return add(*(t if self.rng.random() < 0.7 else -t for t in terms))

    def _BroadcastAdd(self, depth: int, shape: Shape) -> Expr:
        parts = [s for s in ((1, 1), (shape[0], 1), (1, shape[1])) if s != shape]
        if not parts:
            raise UnbuildableError
        both = [self.build(depth, shape), self.build(depth, self.rng.choice(parts))]
        self.rng.shuffle(both)
        return broadcast_add(*both)

    def _Product(self, depth: int, shape: Shape) -> Expr:
        inner = self.dim()
        return matmul(self.build(depth, (shape[0], inner)), self.build(depth, (inner, shape[1])))

    def _Hadamard(self, depth: int, shape: Shape) -> Expr:
        return hadamard(self.build(depth, self.rng.choice([shape, (1, 1)])), self.build(depth, shape))

    def _Quotient(self, depth: int, shape: Shape) -> Expr:
        return quotient(self.build(depth, shape), self.positive(depth, self.rng.choice([shape, (1, 1)])))

    def _Power(self, depth: int, shape: Shape) -> Expr:
        if self.rng.random() < 0.5:
            return power(self.build(depth, shape), Number(sp.Integer(self.rng.choice([2, 3]))))
        exponent = self.rng.choice([Number(sp.Rational(3, 2)), Number(sp.Integer(-1)), self.leaf((1, 1))])
        return power(self.positive(depth, shape), exponent)

    def _Transpose(self, depth: int, shape: Shape) -> Expr:
        return transpose(self.build(depth, (shape[1], shape[0])))

    def _Item(self, depth: int, shape: Shape) -> Expr:
        where = [int(is_unit(d)) * self.rng.choice([1, 2]) for d in shape]
        if not any(where):
            raise UnbuildableError
        whole = tuple(self.dim() if is_unit(d) else d for d in shape)
        return entry_at(self.build(depth, whole), *where)

    def _of_three(self, depth: int, shape: Shape) -> Expr:
        raise UnbuildableError  # for vectors with three entries only

    _Cross = _CrossMatrix = _Axial = _of_three

    def _singular(self, depth: int, shape: Shape) -> Expr:
        raise UnbuildableError  # of square matrices only, as elsewhere the shape is not known

    _SvdVals = _SvdU = _SvdV = _singular

    def _Polygamma(self, depth: int, shape: Shape) -> Expr:
        return OPERATORS["Polygamma"](self.rng.choice([2, 3]), self.positive(depth, shape))

    def _Cumsum(self, depth: int, shape: Shape) -> Expr:
        axes = [k for k in (0, 1) if not is_unit(shape[k])]
        if not axes:
            raise UnbuildableError
        return OPERATORS["Cumsum"](self.build(depth, shape), self.rng.choice(axes))

    def _RevCumsum(self, depth: int, shape: Shape) -> Expr:
        inner = self._Cumsum(depth, shape)
        return OPERATORS["RevCumsum"](inner.arg, inner.axis)

    def _LowerOnes(self, depth: int, shape: Shape) -> Expr:
        if not same_dim(*shape) or is_unit(shape[0]):
            raise UnbuildableError
        return OPERATORS["LowerOnes"](shape[0])

    def _Ones(self, depth: int, shape: Shape) -> Expr:
        return ones(*shape)

    def _Zeros(self, depth: int, shape: Shape) -> Expr:
        return zeros(*shape)

    def _Eye(self, depth: int, shape: Shape) -> Expr:
        if not same_dim(*shape):
            raise UnbuildableError
        return eye(shape[0])

    def _UnitVector(self, depth: int, shape: Shape) -> Expr:
        if not is_unit(shape[1]) or is_unit(shape[0]):
            raise UnbuildableError
        return unit_vector(self.rng.choice([1, 2]), shape[0])

    def _Diag(self, depth: int, shape: Shape) -> Expr:
        if not same_dim(*shape) or is_unit(shape[0]):
            raise UnbuildableError
        return diag(self.build(depth, (shape[0], 1)))

    def _Diagonal(self, depth: int, shape: Shape) -> Expr:
        if not is_unit(shape[1]) or is_unit(shape[0]):
            raise UnbuildableError
        return diag(self.build(depth, (shape[0], shape[0])))

    def _Vec(self, depth: int, shape: Shape) -> Expr:
        if not isinstance(shape[0], sp.Mul) or not is_unit(shape[1]):
            raise UnbuildableError
        return vec(self.build(depth, (shape[0].args[0], shape[0].args[1])))

    def _Reshape(self, depth: int, shape: Shape) -> Expr:
        if is_unit(shape[0]) or is_unit(shape[1]):
            raise UnbuildableError
        return Reshape(vec(self.build(depth, (shape[1], shape[0]))), shape)

    def _reduced(self, depth: int, shape: Shape) -> tuple[Expr, int | None]:
        if not is_unit(shape[0]) and not is_unit(shape[1]):
            raise UnbuildableError
        if is_unit(shape[0]) and is_unit(shape[1]):
            return self.build(depth, (self.dim(), self.rng.choice([1, self.dim()]))), None
        axis = 0 if is_unit(shape[0]) else 1
        return self.build(depth, (self.dim(), shape[1]) if axis == 0 else (shape[0], self.dim())), axis

    def _Total(self, depth: int, shape: Shape) -> Expr:
        return total(*self._reduced(depth, shape))

    def _LogSumExp(self, depth: int, shape: Shape) -> Expr:
        return logsumexp(*self._reduced(depth, shape))

    def _Softmax(self, depth: int, shape: Shape) -> Expr:
        return softmax(self.build(depth, shape), self.rng.choice([None, 0, 1]))

    def _Norm2(self, depth: int, shape: Shape) -> Expr:
        if shape != (1, 1):
            raise UnbuildableError
        return FUNCTIONS["norm2"](self.build(depth, (self.dim(), 1)))

    def _Inverse(self, depth: int, shape: Shape) -> Expr:
        if not same_dim(*shape):
            raise UnbuildableError
        return inv(self.regular(depth, shape[0]))

    def _MatrixPower(self, depth: int, shape: Shape) -> Expr:
        if not same_dim(*shape) or is_unit(shape[0]):
            raise UnbuildableError
        return MatrixPower(self.build(depth, shape), Number(sp.Integer(self.rng.choice([2, 3, -2]))))

    def _of_regular(self, operator: str, depth: int, shape: Shape) -> Expr:
        if not same_dim(*shape):
            raise UnbuildableError
        dim = self.dim() if OPERATORS[operator].signature == "n,n -> 1,1" else shape[0]
        if is_unit(shape[0]) != (OPERATORS[operator].signature == "n,n -> 1,1") or is_unit(dim):
            raise UnbuildableError
        return OPERATORS[operator](self.regular(max(depth, 1) if operator in ("Logm", "Sqrtm") else depth, dim))

    def _Det(self, depth: int, shape: Shape) -> Expr:
        return self._of_regular("Det", depth, shape)

    def _LogDet(self, depth: int, shape: Shape) -> Expr:
        return self._of_regular("LogDet", depth, shape)

    def _Logm(self, depth: int, shape: Shape) -> Expr:
        return self._of_regular("Logm", depth, shape)

    def _Sqrtm(self, depth: int, shape: Shape) -> Expr:
        return self._of_regular("Sqrtm", depth, shape)

    def _symmetric(self, operator: str, depth: int, dim: Dim) -> Expr:
        factor = self.build(depth - 1, (dim, dim))
        return OPERATORS[operator](add(factor, transpose(factor)))

    def _Eig(self, depth: int, shape: Shape) -> Expr:
        if not is_unit(shape[1]) or is_unit(shape[0]):
            raise UnbuildableError
        return self._symmetric("Eig", depth, shape[0])

    def _EigVecs(self, depth: int, shape: Shape) -> Expr:
        if not same_dim(*shape) or is_unit(shape[0]):
            raise UnbuildableError
        return self._symmetric("EigVecs", depth, shape[0])

    def _Prod(self, depth: int, shape: Shape) -> Expr:
        inner, axis = self._reduced(depth, shape)
        if is_unit(inner.rows) and is_unit(inner.cols):
            raise UnbuildableError
        return FUNCTIONS["prod"](inner, axis=axis)

    def _ProdOthers(self, depth: int, shape: Shape) -> Expr:
        axis = self.rng.choice([None, 0, 1])
        if all(is_unit(d) for k, d in enumerate(shape) if axis in (k, None)):
            raise UnbuildableError
        return FUNCTIONS["prodothers"](self.build(depth, shape), axis=axis)

    def _Cholesky(self, depth: int, shape: Shape) -> Expr:
        if not same_dim(*shape) or is_unit(shape[0]):
            raise UnbuildableError
        factor = self.build(depth - 1, shape)
        return OPERATORS["Cholesky"](add(matmul(factor, transpose(factor)), eye(shape[0])))

    def _Frechet(self, depth: int, shape: Shape) -> Expr:
        if not same_dim(*shape) or is_unit(shape[0]):
            raise UnbuildableError
        name = self.rng.choice(["expm", "sinm", "cosm"])
        count = self.rng.choice([1, 1, 2])
        return FUNCTIONS[f"d{name}"](*(self.build(depth - (k == 0), shape) for k in range(1 + count)))

    def _Sylvester(self, depth: int, shape: Shape) -> Expr:
        if is_unit(shape[0]) or is_unit(shape[1]):
            raise UnbuildableError
        sides = []
        for d in shape:
            factor = self.build(depth - 1, (d, d))
            sides.append(add(matmul(factor, transpose(factor)), eye(d)))
        return OPERATORS["Sylvester"](*sides, self.build(depth, shape))

    def _Unspecified(self, depth: int, shape: Shape) -> Expr:
        if shape != (1, 1):
            raise UnbuildableError
        return Unspecified(self.name("L"), self.build(depth, self.rng.choice(SHAPES)))

    def _UnspecifiedGradient(self, depth: int, shape: Shape) -> Expr:
        return UnspecifiedGradient(self.name("L"), self.build(depth, shape))


def _tag(dim: Dim) -> str:
    """A dimension inside a name."""
    return "".join(c for c in str(dim) if c.isalnum())


def random_expr(
    rng: random.Random,
    depth: int = 3,
    shape: Shape | None = None,
    operators: Collection[str] | None = None,
    name: Callable[[str], str] = lambda name: name,
) -> Expr:
    """A random expression of a shape (any, if None) over ``operators`` (class names; default: all)."""
    return Builder(rng, operators, name).build(depth, rng.choice(SHAPES) if shape is None else shape)


def _square(builder: Builder) -> Expr:
    dim = builder.dim()
    return builder.build(1, (dim, dim))


def _unstacked(builder: Builder) -> Expr:
    m, n = builder.build(1, (builder.dim(), builder.dim())), builder.build(1, (builder.dim(), builder.dim()))
    return OPERATORS["Unstacked"](OPERATORS["Kron"](m, n), (n.rows, m.rows), (n.cols, m.cols))


def _einsum(b: Builder) -> Expr:
    """A sum over an index that three factors share."""
    n = b.dim()
    factors = [b.build(1, (b.dim(), n)) for _ in range(2)]
    return OPERATORS["Einsum"]((("i", "k"), ("j", "k"), ("k", "")), ("i", "j"), (*factors, b.build(1, (n, 1))))


def _three(builder: Builder, count: int = 1) -> Expr:
    return symbol(builder.rng.choice("uv"), (3, count) if count > 1 else (3,))


def _sliced(builder: Builder) -> Expr:
    whole = builder.build(1, (builder.rng.choice(DIMS[1:]), builder.rng.choice(DIMS[1:])))
    return OPERATORS["Slice"](whole, *builder.rng.choice([(None, (1, 2)), ((1, 2), None)]))


def _stacked(builder: Builder, cls: str) -> Expr:
    p, q = DimSymbol("m"), DimSymbol("n")
    shapes = [(p, q), (p, DimSymbol("p"))]
    blocks = [builder.build(1, s if cls == "HStack" else s[::-1]) for s in shapes]
    return OPERATORS[cls](tuple(blocks))


def kronecker(builder: Builder, depth: int = 1) -> Expr:
    """Kronecker products, stacked columns and blocks inside one another, in one of the ways in which they meet."""
    kron, stacked = OPERATORS["Kron"], OPERATORS["Vec"]
    m, n, p = (builder.dim() for _ in range(3))

    def one(rows: Dim, cols: Dim) -> Expr:
        return builder.build(depth, (rows, cols))

    def pair() -> Expr:
        return kron(one(m, n), one(p, m))

    forms: tuple[Callable[[], Expr], ...] = (
        lambda: matmul(pair(), kron(one(n, p), one(m, n))),
        lambda: matmul(pair(), transpose(pair())),
        lambda: add(pair(), pair()),
        lambda: hadamard(pair(), pair()),
        lambda: add(kron(one(m, m), eye(n)), kron(eye(m), one(n, n))),
        lambda: matmul(pair(), stacked(one(m, n))),
        lambda: stacked(matmul(one(m, n), one(n, p))),
        lambda: matmul(stacked(one(m, n)), transpose(stacked(one(p, m)))),
        lambda: matmul(transpose(stacked(one(m, n))), matmul(kron(one(n, n), one(m, m)), stacked(one(m, n)))),
        lambda: Reshape(matmul(pair(), stacked(one(m, n))), (p, m)),
        lambda: matmul(Reshape(stacked(one(m, n)), (n, m)), one(m, p)),
        lambda: matmul(Reshape(one(m, n), (n, m)), one(m, p)),
        lambda: OPERATORS["HStack"]((matmul(one(m, n), one(n, p)), matmul(one(m, p), one(p, n)))),
        lambda: OPERATORS["VStack"]((pair(), pair())),
        lambda: matmul(OPERATORS["HStack"]((one(m, n), one(m, p))), OPERATORS["VStack"]((one(n, p), one(p, p)))),
        lambda: matmul(OPERATORS["KhatriRao"](one(m, n), one(p, n)), one(n, m)),
        lambda: matmul(transpose(OPERATORS["KhatriRao"](one(m, n), one(p, n))), kron(one(m, m), one(p, n))),
        lambda: matmul(OPERATORS["Commutation"]((m, n)), stacked(one(m, n))),
        lambda: matmul(OPERATORS["Commutation"]((m, p)), pair()),
        lambda: FUNCTIONS["sin"](pair()),
        lambda: matmul(kron(one(m, n), one(p, 1)), one(n, p)),
        lambda: kron(matmul(one(m, n), one(n, p)), stacked(one(1, n))),
        lambda: FUNCTIONS["tr"](matmul(kron(one(m, n), one(p, m)), kron(one(n, m), one(m, p)))),
        lambda: matmul(kron(inv(builder.regular(depth, m)), one(n, n)), kron(one(m, p), one(n, 1))),
        lambda: diag(matmul(pair(), transpose(pair()))),
        lambda: kron(one(m, 1), FUNCTIONS["exp"](matmul(one(n, p), transpose(one(1, p))))),
    )
    return builder.rng.choice(forms)()


OF_OWN_SHAPE: dict[str, Callable[[Builder], Expr]] = {  # of shapes that no other operator asks for
    "Commutation": lambda b: OPERATORS["Commutation"]((b.dim(), b.dim())),
    "Duplication": lambda b: OPERATORS["Duplication"](b.dim()),
    "ToeplitzBasis": lambda b: OPERATORS["ToeplitzBasis"](b.dim()),
    "Elimination": lambda b: OPERATORS["Elimination"](b.dim()),
    "Selector": lambda b: OPERATORS["Selector"](DimSymbol("n") + DimSymbol("m"), DimSymbol("n") + 1, DimSymbol("m")),
    "Slice": lambda b: _sliced(b),
    "HStack": lambda b: _stacked(b, "HStack"),
    "VStack": lambda b: _stacked(b, "VStack"),
    "Cross": lambda b: OPERATORS["Cross"](_three(b), FUNCTIONS["exp"](_three(b))),
    "CrossMatrix": lambda b: OPERATORS["CrossMatrix"](FUNCTIONS["sin"](_three(b))),
    "Axial": lambda b: OPERATORS["Axial"](matmul(symbol("W", (3, 3)), symbol("W", (3, 3)))),
    "Vech": lambda b: OPERATORS["Vech"](_square(b)),
    **{name: lambda b, name=name: OPERATORS[name](_square(b)) for name in ("SvdVals", "SvdU", "SvdV")},
    "Unstacked": lambda b: _unstacked(b),
    "Einsum": lambda b: _einsum(b),
}


def random_with(rng: random.Random, operator: str, depth: int = 2, builder_class: type[Builder] = Builder) -> Expr:
    """A random expression with this operator on top, whatever its shape."""
    builder = builder_class(rng)
    if operator in OF_OWN_SHAPE:
        return OF_OWN_SHAPE[operator](builder)
    product = DIMS[0] * DIMS[1]
    for shape in rng.sample([*SHAPES, (product, 1), (product, DIMS[0] * DIMS[2])], len(SHAPES) + 2):
        try:
            return builder.build_with(operator, depth, shape)
        except UnbuildableError:
            continue
    raise AssertionError(f"no shape fits {operator}: give Builder a method _{operator}")
