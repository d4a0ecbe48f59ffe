"""The self-checking file for MATLAB and Octave: a script, whose functions stand before the lines that call them."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.codefiles.contents import Contents, Function
from matcalc.codefiles.data import DataWords
from matcalc.codefiles.header import header, one_line
from matcalc.codefiles.helper_files import with_needed
from matcalc.codefiles.text_file import TextFile, TextLanguage, TextNames, is_row
from matcalc.emit.backends import Backend
from matcalc.emit.texts.matlab import matlab
from matcalc.emit.texts.pieces import POSTFIX, Piece, words


def _shape(dims: Sequence[str], row: int) -> str:
    return ", ".join(dims) if len(dims) > 1 else f"1, {dims[0]}" if row else f"{dims[0]}, 1"


MATLAB_DATA = DataWords(
    normal="{x} = {scale}randn({shape});",
    normal_scalar="{x} = {scale}randn();",
    uniform="{x} = {scale}(0.3 + 1.1 * rand({shape}));",
    uniform_scalar="{x} = {scale}(0.3 + 1.1 * rand());",
    integer="{x} = randi([2, 4]);",
    imaginary="{x} = {x} + 1i * {normal};",
    turned="{x} = {x} .* exp(0.4i * {normal});",
    value={
        "simplex": "{x} = {x} / sum({x});",
        "simplex rows": "{x} = {x} ./ sum({x}, 2);",
        "toeplitz": "{x} = tril(toeplitz(randn({n}, 1))) + triu(toeplitz(randn({n}, 1)), 1);",
        "orthogonal": "[{x}, ~] = qr({x});",
        "psd": "{x} = {x} * {x}' / {n} + 0.5 * eye({n});",
        "hermitian": "{x} = ({x} + {x}') / 2;",
        "symmetric": "{x} = ({x} + {x}.') / 2;",
        "skew": "{x} = ({x} - {x}.') / 2;",
        "lower_triangular": "{x} = tril({x});",
        "diagonal": "{x} = diag(diag({x}));",
        "zero_diagonal": "{x} = {x} - diag(diag({x}));",
        "invertible": "{x} = {x} + {n} * eye({n});",
        "unit": "{x} = {x} / norm({x}(:));",
    },
    direction={
        "simplex": "{x} = {x} - mean({x});",
        "simplex rows": "{x} = {x} - mean({x}, 2);",
        "toeplitz": "{x} = tril(toeplitz(randn(size({x}, 1), 1))) + triu(toeplitz(randn(size({x}, 1), 1)), 1);",
        "orthogonal": "{x} = {at} * ({x} - {x}');",
        "unit": "{x} = {x} - {at} * inner({at}, {x});",
    },
    move={
        "orthogonal": [
            "turn = t / 2 * (x' * along);  % skew, so that the Cayley transform below is orthogonal",
            "out = x * ((eye(size(x, 1)) - turn) \\ (eye(size(x, 1)) + turn));",
        ],
        "unit": ["out = (x + t * along) / norm(x(:) + t * along(:));"],
    },
    straight="out = x + t * along;",
    choice=lambda k, lines: [f"if k == {k + 1}", *(f"  {line}" for line in lines), "  return", "end"],
    shape=_shape,
)  # fmt: skip
RESERVED = words(
    "i j pi e Inf NaN eps inf nan NA ans sum size ones zeros eye diag trace det inv pinv kron norm svd eig chol qr lu "
    "expm logm sqrtm sylvester exp log sqrt abs sign sin cos tan asin acos atan sinh cosh tanh expm1 log1p conj real "
    "imag max min erf gamma psi gammaln cumsum cumprod prod flip tril triu reshape permute repmat cross complex "
    "double rand randn randi toeplitz sizes data varargin varargout nargin nargout argv exec system eval evalin "
    "feval exit quit"
)  # what the functions that hold a user's names call, and what must never be called by accident
MATLAB = TextLanguage(lambda c: matlab(is_complex=c), MATLAB_DATA, RESERVED, 63)


class MatlabFile(TextFile):
    """Writes the parts of the file."""

    def __init__(self, contents: Contents, backend: Backend) -> None:
        super().__init__(contents, backend, MATLAB)

    def text(self) -> str:
        """The file."""
        functions = [self.function(f) for f in self.contents.functions]
        tail = self.check()
        lines = header(self.contents, self.p, self.local, "matlab")
        lines += ["", "Run this file to check it, in Octave or in MATLAB R2024a or later: it prints the worst relative",
                  "error and fails if that is too large."]  # fmt: skip
        blocks = [self.comment(lines, "%"), self.settings(), *functions, *with_needed("helpers.m", self.helpers), *tail]
        return "\n\n".join(blocks) + "\n"

    def symbol(self, name: str) -> Piece:
        """How a symbol is written: a row is one here, where the program takes it for a column."""
        if not is_row(self.p.symbols[name]):
            return super().symbol(name)
        row = Piece(self.local[name], rank=2, row=True)
        return Piece(f"{row.text}{'.' if self.contents.is_complex else ''}'", POSTFIX, 1, turned=row)

    def listed(self, f: Function) -> str:
        """A function with all that it needs."""
        text = self.function(f)
        return "\n\n".join([text, *with_needed("helpers.m", self.helpers)]) + "\n"

    def settings(self) -> str:
        """What a reader may change; the file is a script because it starts with this."""
        fields = ", ".join(
            f"'{n}', {size}" for (n, size) in zip(self.sizes.values(), self.contents.sizes.values(), strict=True)
        )
        return f"sizes = struct({fields});  % of the random data\nseed = 0; trials = 5; attempts = 100; tolerance = 1e-6;"

    def function(self, f: Function) -> str:
        """A function of the file."""
        program = self.program(f)
        results = self._results(f)
        taken = [self.local[n] for n in self.parameters(f)]
        left = results[0] if len(results) == 1 else f"[{', '.join(results)}]"
        lines = [f"function {left} = {self.called[f.suffix]}({', '.join(taken)})", f"  % {one_line(f.summary)}"]
        for d in program.dims:
            if d in self.p.shown:
                n, axis = self.p.shown[d]
                place = axis + 1 + is_row(self.p.symbols[n])
                lines.append(f"  {self.sizes[d]} = size({self.local[n]}, {place});")
        lines += [f"  {name} = {text};" for name, text in program.lines]
        lines += [f"  {name} = {piece.text};" for name, piece in zip(results, program.results, strict=True)]
        return "\n".join([*lines, "end"])

    def _results(self, f: Function) -> list[str]:
        """Names for what a function returns, that neither its parameters nor its lines have."""
        names = TextNames(self.names.taken, self.language.keywords, self.kind.longest, frozenset())
        return [names.new(n) for n in f.results]

    # ------------------------------------------------------------------ the check
    def data(self) -> str:
        """The function that makes arguments at random."""
        lines = [f"{n} = sizes.{n};" for n in self.sizes.values()]
        for n in self.p.names:
            if n in self.p.symbols:
                lines += self.draws.value(self.p.symbols[n], self.local[n])
        for n in self.p.names:
            if n in self.p.functions:
                lines.append(self.smooth(n))
        values = ", ".join(self.local[n] for n in self.p.names)
        body = "\n".join(f"  {line}" for line in [*lines, f"data = {{{values}}};"])
        return (
            f"function data = random_data(sizes)\n  % Arguments at random, of the declared shapes and attributes.\n{body}\nend"
        )

    def smooth(self, name: str) -> str:
        """A function, or the gradient of one, for one that the formula leaves open."""
        slope, shift = self.contents.unspecified[name][1], self.contents.shift(name)
        body = f"cos(X + {shift}) + sum(X(:))" if slope else f"sum(sin(X(:) + {shift})) + sum(X(:)) ^ 2 / 2"
        return f"{self.local[name]} = @(X) {body};"

    def check(self) -> list[str]:
        """The data, the directions, the check and the lines that run it."""
        c, parts = self.contents, [self.data()]
        given = "data{:}"
        own = given if c.upstream is None else "data{1:end-1}"
        if not c.derivatives:
            return [*parts, VALUE_ONLY.format(value=self.name)]
        g = self.called["_and_gradient" if c.upstream is None else "_and_vjp"]
        places = [self.p.names.index(w.name) for w in c.wrt]
        parts.append(self.directions(places))
        moves = self.draws.curved(list(zip(places, c.wrt, strict=True)))
        parts.append("\n".join(["function out = moved(x, along, t, k)", "  % An argument moved along a direction.",
                                *(f"  {m}" for m in moves), "end"]))  # fmt: skip
        value = f"real({self.name}({own}))" if c.upstream is None else f"inner(data{{end}}, {self.name}({own}))"
        real = "" if c.is_complex else " || ~isreal(value)"
        parts.append(CHECK.format(value=value, given=f"{g}({given})", own=f"{self.name}({own})", count=len(places) + 1,
                                  wrt=f"[{', '.join(str(k + 1) for k in places)}]", real=real))  # fmt: skip
        checked, run = g, "check(sizes, tolerance)"
        if c.hessians:
            h = self.called["_hessian"]
            parts.append(HESSIAN_CHECK.format(pair=f"{g}({given})", hessians=f"{h}({given})", count=len(places),
                                              wrt=f"[{', '.join(str(k + 1) for k in places)}]"))  # fmt: skip
            checked, run = f"{g} and {h}", "worse(check(sizes, tolerance), check_hessians(sizes, tolerance))"
        return [*parts, MAIN.format(run=run, checked=checked)]

    def directions(self, places: list[int]) -> str:
        """The function that draws a direction for an argument."""
        lines = ["along = randn(size(x));"]
        for k, w in zip(places, self.contents.wrt, strict=True):
            steps = self.draws.direction(w, "along", "x")
            if w.is_complex:
                steps = ["along = along + 1i * randn(size(x));", *steps]
            if steps:
                lines += [f"if k == {k + 1}", *(f"  {s}" for s in steps), "end"]
        body = "\n".join(f"  {line}" for line in lines)
        return f"function along = random_direction(x, k)\n  % A random direction for argument k at x.\n{body}\nend"


CHECK = """function out = inner(a, b)
  % The inner product of two arrays, real.
  out = real(sum(conj(a(:)) .* b(:)));
end

function out = value_at(data)
  % What the derivatives are the derivatives of.
  out = {value};
end

function out = slope(data, k, along, h)
  % The derivative along a direction of argument k, by central differences of fourth order.
  steps = [1, -1, 2, -2] * h;
  values = zeros(1, 4);
  for s = 1:4
    there = data;
    there{{k}} = moved(data{{k}}, along, steps(s), k);
    values(s) = value_at(there);
  end
  out = (8 * (values(1) - values(2)) - (values(3) - values(4))) / (12 * h);
end

function worst = check(sizes, tolerance)
  % The worst relative error at random arguments, along random directions; NaN where no difference is to be trusted.
  data = random_data(sizes);
  level = abs(value_at(data));
  found = cell(1, {count});
  [found{{:}}] = {given};
  worst = 0;
  value = {own};
  if ~(norm(found{{1}}(:) - value(:)) <= 1e-9 * norm(value(:)))
    worst = Inf;
  end
  wrt = {wrt};
  for p = 1:numel(wrt)
    k = wrt(p);
    derivative = found{{p + 1}};
    along = random_direction(data{{k}}, k);
    coarse = slope(data, k, along, 2e-3);
    fine = slope(data, k, along, 1e-3);
    if ~(abs(coarse - fine) <= tolerance / 10 * max(abs(fine), 1e-3 * level)){real}
      worst = NaN;
      return
    end
    scale = max([norm(derivative(:)) * norm(along(:)), abs(fine), 1e-5 * level, 1e-12]);
    err = abs(inner(derivative, along) - fine) / scale;
    if ~isequal(size(derivative), size(along)) || ~isfinite(err)
      err = Inf;
    end
    worst = max(worst, err);
  end
end"""

HESSIAN_CHECK = """function out = gradient_at(data, p)
  % The gradient by the variable in place p, flat.
  found = cell(1, {count} + 1);
  [found{{:}}] = {pair};
  out = found{{p + 1}}(:);
end

function worst = check_hessians(sizes, tolerance)
  % The same for the Hessians, by differences of the gradients.
  data = random_data(sizes);
  second = cell(1, {count});
  [second{{:}}] = {hessians};
  worst = 0;
  wrt = {wrt};
  for p = 1:numel(wrt)
    k = wrt(p);
    along = random_direction(data{{k}}, k);
    steps = [1, -1, 2, -2];
    change = cell(1, 2);
    for pass = 1:2
      h = 2e-3 / pass;
      values = cell(1, 4);
      for s = 1:4
        there = data;
        there{{k}} = moved(data{{k}}, along, steps(s) * h, k);
        values{{s}} = gradient_at(there, p);
      end
      change{{pass}} = (8 * (values{{1}} - values{{2}}) - (values{{3}} - values{{4}})) / (12 * h);
    end
    fine = change{{2}};
    level = norm(gradient_at(data, p));
    if ~(norm(change{{1}} - fine) <= tolerance / 10 * max(norm(fine), 1e-3 * level))
      worst = NaN;
      return
    end
    found = reshape(second{{p}}, numel(along), numel(along)) * along(:);
    err = norm(found - fine) / max([norm(found), norm(fine), 1e-5 * level, 1e-12]);
    if ~isfinite(err)
      err = Inf;
    end
    worst = max(worst, err);
  end
end

function out = worse(a, b)
  % The larger of two errors; NaN where one of them is.
  out = max(a, b);
  if isnan(a) || isnan(b)
    out = NaN;
  end
end"""

MAIN = """rng(seed);
errors = [];
trouble = '';
for attempt = 1:attempts
  if numel(errors) < trials
    try
      err = {run};
    catch problem  % such as a matrix that has no factors: draw again
      err = NaN;
      trouble = problem.message;
    end
    errors = [errors, err(~isnan(err))];
  end
end
worst = max([errors, -1]);
fprintf('{checked}: worst relative error %.1e at %d random points\\n', worst, numel(errors));
if isempty(errors) || worst > tolerance
  error('the check FAILED %s', trouble);
end"""

VALUE_ONLY = """rng(seed);
data = random_data(sizes);
value = {value}(data{{:}});
fprintf('{value}: there is no derivative to check\\n');
if ~all(isfinite(value(:)))
  error('the value is not finite');
end"""
