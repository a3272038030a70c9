"""Watching calls of modules within forward passes of the whole network.

The hooks look and never touch. Hooks at the root mark where a forward pass
begins and ends, so that calls can be counted; calls outside of one are not
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from layerlore.errors import LayerError
from layerlore.networks.names import Call, modules_of
from layerlore.networks.outputs import tensor_of

POSITIONS_FIRST = frozenset({"XLNetModel"})
"""Classes of transformers that compute ``[positions, batch, channels]`` inside. That a shape begins with the number of
samples would not tell: there may be as many positions."""

OnOutput = Callable[[Call, Tensor], None]
Counts = dict[str, int]
"""How often each module was called in one forward pass."""


class Watch:
    """Counts the calls of one forward pass after the other and hands on the outputs asked for.

    Attributes:
        counts: calls of each module in the present, or else the latest, forward pass.
        positions_first: modules whose outputs are ``[positions, batch, ...]``; they are handed on batch first.
    """

    def __init__(
        self,
        asked: Sequence[Call],
        on_output: OnOutput,
        on_start: Callable[[], None] | None = None,
        on_end: Callable[[Counts], None] | None = None,
    ) -> None:
        self.asked = tuple(asked)
        self.positions_first: frozenset[str] = frozenset()
        self.counts: Counts = {}
        self._earlier: Counts | None = None
        self._running = False
        self._on_output, self._on_start, self._on_end = on_output, on_start, on_end

    def start(self) -> None:
        """A forward pass of the root begins."""
        self.counts = {call.module: 0 for call in self.asked}
        self._running = True
        if self._on_start:
            self._on_start()

    def called(self, name: str, output: object) -> None:
        """The module ``name`` returned ``output``."""
        if not self._running:
            return
        call = Call(name, self.counts[name])
        self.counts[name] += 1
        if call in self.asked or Call(name, None) in self.asked:
            tensor = tensor_of(output, name)
            turned = name in self.positions_first and tensor.dim() > 1
            self._on_output(call, tensor.transpose(0, 1) if turned else tensor)

    def end(self) -> None:
        """The forward pass has ended.

        Raises:
            LayerError: calls are missing, or more or fewer than in an earlier pass.
        """
        for call in self.asked:
            _check_count(call, self.counts[call.module])
        for name, count in (self._earlier or {}).items():
            if count != self.counts[name]:
                raise LayerError(
                    f"layer {name!r} was called {self.counts[name]} times in this forward pass and {count} times in an "
                    "earlier one, so its calls have no fixed names; choose a layer outside of the loop"
                )
        self._earlier = self.counts
        if self._on_end:
            self._on_end(self.counts)

    def stop(self) -> None:
        """The forward pass has ended or failed."""
        self._running = False


@contextmanager
def hooked(model: nn.Module, watch: Watch) -> Iterator[None]:
    """A with-block in which the model reports to ``watch``; no hook is left after it, or after an exception."""
    modules = modules_of(model)
    watch.positions_first = inside(modules, POSITIONS_FIRST)
    with ExitStack() as hooks:

        def add(handle: RemovableHandle) -> None:
            hooks.callback(handle.remove)

        add(model.register_forward_pre_hook(lambda *_: watch.start()))
        for name in dict.fromkeys(call.module for call in watch.asked):
            add(modules[name].register_forward_hook(lambda *seen, name=name: watch.called(name, seen[-1])))
        add(model.register_forward_hook(lambda *_: watch.end()))
        # A forward pass that fails skips the hook before this one.
        add(model.register_forward_hook(lambda *_: watch.stop(), always_call=True))
        yield


def inside(modules: Mapping[str, nn.Module], classes: Collection[str]) -> frozenset[str]:
    """Names of the modules within modules of these classes."""
    outer = [name for name, module in modules.items() if type(module).__name__ in classes]
    return frozenset(
        name for name in modules for above in outer if name != above and name.startswith(f"{above}." if above else "")
    )


def called_name(call: Call, counts: Counts) -> str:
    """The layer's name: that of its module if called once, else ``name@k``."""
    return call.module if counts[call.module] == 1 else str(call)


def _check_count(call: Call, count: int) -> None:
    if count == 0:
        raise LayerError(
            f"layer {call.module!r} was not called in the forward pass: it is not in use, or its parent takes its "
            "weights without calling it; leave it out or choose its parent"
        )
    if call.number is not None and (count == 1 or call.number >= count):
        known = f"'{call.module}'" if count == 1 else f"'{call.module}@0' to '{call.module}@{count - 1}'"
        times = "once" if count == 1 else f"{count} times"
        raise LayerError(
            f"there is no layer '{call}': {call.module!r} is called {times} in a forward pass; ask for {known}"
        )
