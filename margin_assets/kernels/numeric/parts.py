"""Loops that are compiled only as parts of the loops that call them.

Numba makes machine code of every loop with all that it calls in it. Where loops call loops a dozen
deep, the innermost was made into machine code a dozen times, which was nine tenths of what
compiling took. A part stays as it was written down for LLVM, with its own parts beside it: the loop
that Python calls has all of them optimized together, once.
"""

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.typed_passes import NativeLowering


class _Unfinished(JITCodeLibrary):
    """Code to be linked into that of a caller: neither optimized with its parts nor made to run."""

    def _optimize_final_module(self) -> None:
        """The caller's is optimized with this in it."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    """Lowers a loop as a part: callers find it by a key, for it has no address."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        target = state.targetctx
        state.library = _Unfinished(target.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        state["cr"] = lowered = state["cr"]._replace(cfunc=object())
        target.insert_user_function(lowered.cfunc, lowered.fndesc, [state.library])
        state.reload_init.extend(state.library._reload_init)
        return True


class PartCompiler(Compiler):
    """Numba's compiler, but for how it lowers."""

    def define_pipelines(self) -> list[PassManager]:
        """Numba's passes with our lowering in the place of its own."""
        usual = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager = PassManager("part of a loop")
        manager.passes = [
            (_PartLowering if one is NativeLowering else one, told) for one, told in usual.passes
        ]
        manager.finalize()
        return [manager]
