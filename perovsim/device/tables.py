"""The compiled form of a device: a few stacked arrays that the kernels read (numba passes each array by parts).

Unknowns of a cell, those without transport first: immobile species, then the potential psi [kT/q], mobile species
(density in units of their scale), on a halide lattice the site fractions of vacancies and of the first halide. Lumped
unknowns come last: the voltage of the stack [kT/q], the film amounts [FILM_SCALE m^-2], where a film conducts the field
in it [FIELD_SCALE V/m] and the voltage across it, x-directed [kT/q].

Species: electrons, holes, then ions, neutral species and products; mu/kT = ln density + charge psi + offset +
slope (x - x_start), x the composition of the lattice.
"""

from typing import NamedTuple

import numpy as np

PSI, VACANCY, HALIDE, SPECIES = 0, 1, 2, 3
"""Kinds of unknown: rows of `Tables.slot`; species s is row SPECIES + s."""
ELECTRON, HOLE = 0, 1
"""The first two species."""
FILM_SCALE = 1e19
"""Unit of the film unknowns [m^-2]: about one formula layer."""
FIELD_SCALE = 1e8
"""Unit of the field in the film [V/m]."""

IN_CELL, IN_PLACE = 0, 1
"""Rows of `Tables.where`: cell of an unknown, its place among the unknowns of the cell."""
COUNT, LOCAL = 0, 1
"""Rows of `Tables.size`: unknowns of a cell, and how many of them (the first) do not couple to neighbours."""
WIDTH, FIXED, X_START, SHADED, SITES, JUMP_FIRST, JUMP_SECOND, RADIATIVE, INTRINSIC, GENERATION, PAIRS = range(11)
"""Rows of `Tables.cell`: width [m], charge that no unknown carries [q m^-3], composition at the start, whether films
on the contact narrow the conducting area, halide sites [m^-3], jump diffusivities of the halides [m^2/s], radiative
coefficient [m^3/s], n_i^2 at the start [m^-6], pairs per light of one [m^-3 s^-1] and per
beam electron [1/m]."""
AUGER, LIFETIME, LEVEL, CENTRE_LEVEL = 0, 1, 2, 3
"""Rows of `Tables.pair`, electrons and holes: Auger [m^6/s], lifetime [s], SRH densities of traps and of centres
[m^-3]."""
DIFFUSIVITY, OFFSET, SLOPE = 0, 1, 2
"""Rows of `Tables.species_cell`: [m^2/s], [kT], [kT]."""
CHARGE, SCALE, MOBILE = 0, 1, 2
"""Rows of `Tables.species`: charge number, density of one unit of the unknown [m^-3], whether it moves."""
GAP, WEIGHT, BOUNDARY, EMISSION = 0, 1, 2, 3
"""Rows of `Tables.face`: eps kT/(q^2 distance) [m^-2], weight of the left cell in the potential of a face, whether two
materials meet there, then 1/velocity of thermionic emission of electrons and holes [s/m] (0: continuous level)."""
WORK, STICKING = 0, 1
"""Columns of `Tables.contact`: work function [kT], then 1/surface velocity of electrons and holes [s/m] (0: ohmic)."""
SIGN, BUILT_IN, COVER, PATCHES, DECAY, FILM_FIELD, PER_VOLT, DISPLACED, CONDUCTIVITY, FRENKEL = range(10)
CENTRE, CENTRES_PER_ATOM, CENTRE_CAPTURE = range(10, 13)
"""Entries of `Tables.number`: +1 where the first contact is the anode; psi(first) - psi(last) at zero voltage; film
amount that blocks 1 - 1/e of the area [m^-2] (0: none), exponent of that, 2 kappa of tunnelling [1/m]; unknown of the
field in the film (-1: none), after which stands its voltage, FIELD_SCALE over kT/q [1/m], eps_f/q and sigma/q times
that unit, b of Poole-Frenkel times its root; species whose atoms act as recombination centres (-1: none), centres per
atom, capture coefficients of electrons and holes [m^3/s]."""
CRYSTAL, COLLAPSE, THETA_CRITICAL, FADE = range(CENTRE_CAPTURE + 2, CENTRE_CAPTURE + 6)
"""Species that is the crystallinity (-1: none), rate of collapse [1/s], vacancy fraction from which on it collapses,
cross section of its fading under a beam [m^2]."""
NUMBERS = FADE + 1

RATE, ALPHA, ENERGY, STEPS, BARRIER, DROP, AT_CONTACT, GROWTH = 0, 1, 2, 3, 4, 5, 8, 10
"""Columns of `Tables.rate`: rate constant [m^-2 s^-1], symmetry factor, standard part of the affinity [kT] per
elementary step, steps, nucleation barrier [kT], factors of the potentials, charge passed at the first and the last
face, coefficients of the growth law."""
OFFSET_GROWTH, SLOWING, FADING, JUMPS = range(GROWTH, GROWTH + 4)
"""Columns of the growth law: P = exp(-fading h)/(offset + slowing h), jumps in series N = 1 + jumps h; [1/m]."""
DRIVEN = JUMPS + 1
"""Column that says whether the rate constant is a cross section [m^2], to be multiplied by the beam."""
RATE_COLUMNS = DRIVEN + 1
PROCESS, SEED, LINK = 0, 1, 2
"""Columns of `Tables.link`: the process, the activity of a product that has to nucleate (-1: none), then the unknowns
whose potentials enter the affinity."""
POTENTIALS = 3
"""How many of them there are at the most."""
LINEAR, BAND, REMAINDER, POWER, FILM_SHARE, PRESENT, LEFT = range(7)
"""Kinds of activity: how a reaction sees a participant."""
KIND, DEPENDS_ON, CARRIER = 0, 1, 4
"""Columns of `Tables.activity`: kind, up to three unknowns, species and cell of a BAND activity."""
DEPENDS = 3
VALUE, BY = 0, 1
"""Columns of `State.activity`: value, then slopes by the unknowns that it depends on."""

ZETA, TAKEN, PACE, EXPONENT, PER_VACANCY, LEAD_SPECIES, LEAD_SHARE = range(7)
"""Columns of `Tables.phase`: species that are zeta and the share of the lead taken, k [1/s], n, 1/theta_V at which that
is k (0: whatever theta_V), species that is metallic lead (-1: none), share of the lead that one unit of it is."""

QUADRATURES = (
    "electrons_first",
    "electrons_last",
    "holes_first",
    "holes_last",
    "recombined",
    "current_first",
    "radiative",
    "voltage",
)
"""Time integrals that ride along with a run [m^-2]; the extents of the reactions follow them."""


class Tables(NamedTuple):
    """One device at one temperature: n cells, s species, f films, r rows of reactions."""

    slot: np.ndarray
    """Index of unknown kind v in cell i, -1 where it does not exist (v, n)."""
    where: np.ndarray
    """(2, band)."""
    size: np.ndarray
    """(2, n)."""
    cell: np.ndarray
    """(11, n)."""
    pair: np.ndarray
    """(4, 2, n)."""
    species: np.ndarray
    """(3, s)."""
    species_cell: np.ndarray
    """(3, s, n)."""
    face: np.ndarray
    """(5, n + 1)."""
    contact: np.ndarray
    """(2, 3)."""
    number: np.ndarray
    film: np.ndarray
    """Volume of a formula unit of each film [m^3] (f,); film k is unknown band + 1 + k."""
    rate: np.ndarray
    """(r, RATE_COLUMNS)."""
    link: np.ndarray
    """(r, LINK + POTENTIALS)."""
    side: np.ndarray
    """Activities of reactants and products, -1 for none (2, r, a)."""
    row: np.ndarray
    """Unknowns that change, -1 for none (r, c)."""
    change: np.ndarray
    """By how many particles per step (r, c)."""
    activity: np.ndarray
    """(k, 6)."""
    activity_number: np.ndarray
    """Two numbers of each activity (k, 2)."""
    phase: np.ndarray
    """(phases, 7)."""


class Control(NamedTuple):
    """What the circuit holds: a (J_stack) + b v = c0 + c1 t; J_stack x-directed particles [m^-2 s^-1], v [kT/q]."""

    a: float
    b: float
    c0: float
    c1: float
    light: float
    beam: float = 0.0
    """Beam electrons [m^-2 s^-1]."""


class State(NamedTuple):
    """Values that several terms share, and the fluxes and integrands that they leave behind."""

    density: np.ndarray
    """[m^-3] (s, n)."""
    shift: np.ndarray
    """Change of the offset with the composition [kT] (s, n)."""
    by: np.ndarray
    """Slopes of the composition by the fractions of vacancies and of the first halide (2, n)."""
    through: np.ndarray
    """Share of the contact that conducts, then its slopes by the films (1 + f,)."""
    thickness: np.ndarray
    """Thickness of the film where it lies [m], then its slopes by the films (1 + f,)."""
    flow: np.ndarray
    """Fluxes of species and, in the last row, of vacancies [m^-2 s^-1] (s + 1, n + 1)."""
    ledger: np.ndarray
    """Integrands of QUADRATURES and of the extents, then the charge that reactions pass at the first and last face."""
    activity: np.ndarray
    """(k, 1 + DEPENDS)."""
    held: np.ndarray
    """Face whose current the circuit holds (1,): best known where carriers are few (the current is one)."""


def new_state(tables: Tables, processes: int) -> State:
    """Arrays of a State for one device."""
    n, s = tables.cell.shape[1], tables.species.shape[1]
    return State(
        np.zeros((s, n)),
        np.zeros((s, n)),
        np.zeros((2, n)),
        np.zeros(1 + tables.film.size),
        np.zeros(1 + tables.film.size),
        np.zeros((s + 1, n + 1)),
        np.zeros(len(QUADRATURES) + processes + 2),
        np.zeros((tables.activity.shape[0], 1 + DEPENDS)),
        np.ones(1, np.int64),
    )


def without_reactions(tables: Tables) -> Tables:
    """The same device with every reaction held."""
    rate = tables.rate.copy()
    rate[:, RATE] = 0.0
    return tables._replace(rate=rate)
