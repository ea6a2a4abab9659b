"""Symbols and atomic numbers."""

from __future__ import annotations

from typing import Any

from .errors import ArgumentError

SYMBOLS = (
    "X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr "
    "Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt "
    "Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc "
    "Lv Ts Og"
).split()

NUMBERS = {symbol: number for number, symbol in enumerate(SYMBOLS) if number > 0}


def atomic_number(species: Any) -> int:
    """The atomic number of an element.

    Parameters
    ----------
    species : int, str or object
        An atomic number, a symbol such as ``"Fe"``, or an object with an attribute ``Z`` (pymatgen's).

    Raises
    ------
    ArgumentError
        When it is no element.
    """
    if isinstance(species, str):
        number = NUMBERS.get(species)
        if number is None:
            raise ArgumentError(f"{species!r} is not the symbol of an element")
        return number
    number = getattr(species, "Z", species)
    try:
        whole = int(number)
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(f"{species!r} is not an element") from None
    if whole != number or not 1 <= whole <= 118:
        raise ArgumentError(f"{species!r} is not the atomic number of an element (1 to 118)")
    return whole
