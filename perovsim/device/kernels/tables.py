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
WIDTH, FIXED, X_START, SHADED, SITES, JUMP_FIRST, JUMP_SECOND, RADIATIVE, INTRINSIC, GENERATION, DARK, PAIRS = range(12)
"""Rows of `Tables.cell`: width [m], charge that no unknown carries [q m^-3], composition at the start, whether films
on the contact narrow the conducting area, halide sites [m^-3], jump diffusivities of the halides [m^2/s], radiative
coefficient [m^3/s], n_i^2 at the start [m^-6], pairs per light of one [m^-3 s^-1], bimolecular coefficient without
light [m^3/s], pairs per beam electron [1/m]."""
MIXING, STIFFNESS, MISFIT, BASE, ETA, SWELLING, EASE, MOVING, PASSES, IS_IDEAL = range(10)
"""Rows of `Tables.lattice`: mixing energy [kT], V_X E/(1 - nu) of halides that feel stress [kT], in-plane misfit
strain, stress-free strain eps0 = base + eta x + swelling theta_V, rise of ln D with eps_mis - eps0; whether halides
exchange on a moving lattice, whether they pass into the next cell, whether no other row but these two matters."""
AUGER, LIFETIME, LEVEL, CENTRE_LEVEL = 0, 1, 2, 3
"""Rows of `Tables.pair`, electrons and holes: Auger [m^6/s], lifetime [s], SRH densities of traps and of centres
[m^-3]."""
DIFFUSIVITY, OFFSET, SLOPE, STATES, STATISTICS, FIELD, STRAINED, PER_SITE, GROUP = range(9)
"""Rows of `Tables.species_cell`: [m^2/s], [kT], [kT] per composition; of electrons and holes states [m^-3], number of
the statistics (-1: Boltzmann), factor of a mobility that rises with the field, ln mu ~ FIELD sqrt|dpsi/dx| [m^1/2],
shift at the start by elastic strain [kT]; of the others the share of the sites that one takes per volume [m^3] (0: no
end of them), and the first of the species that share them, in whose row of `State.free` is what they leave."""
CHARGE, SCALE, MOBILE = 0, 1, 2
"""Rows of `Tables.species`: charge number, density of one unit of the unknown [m^-3], whether it moves."""
GAP, WEIGHT, BOUNDARY, PERMEATION, EMISSION, BESIDE = 0, 1, 2, 3, 4, 6
"""Rows of `Tables.face`: eps kT/(q^2 distance) [m^-2], weight of the left cell in the potential of a face, whether two
materials meet there, 1/permeability for dissolved species [s/m] (0: no resistance), then 1/velocity of thermionic
emission of electrons and holes [s/m] (0: continuous level), whether charge passes beside the fluxes: through traps or
by a reaction at the junction."""
WORK, STICKING, IMAGE = 0, 1, 3
"""Columns of `Tables.contact`: work function [kT], then 1/surface velocity of electrons and holes [s/m] (0: ohmic),
lowering of the barrier by the image force over the root of the field [m^1/2]."""
DENSITY, CAPTURE, LEVELS, FIRST_CELL, OCCUPIED = 0, 1, 3, 5, 7
"""Columns of `Tables.trap`: density [m^-3], at a junction [m^-2]; capture of electrons and holes [m^3/s], densities of
electrons and holes at the level, at a junction of the left cell [m^-3]; first and last cell, at a junction those beside
it; the species that counts the trapped electrons (-1: neutral traps, which follow the carriers); at a junction the
densities at the level of the right cell."""
TRAP_COLUMNS, JUNCTION_COLUMNS = OCCUPIED + 1, OCCUPIED + 3
SIGN, BUILT_IN, PARALLEL, COVER, PATCHES, DECAY, FILM_FIELD, PER_VOLT, DISPLACED, CONDUCTIVITY, FRENKEL = range(11)
CENTRE, CENTRES_PER_ATOM, CENTRE_CAPTURE = range(11, 14)
"""Entries of `Tables.number`: +1 where the first contact is the anode; psi(first) - psi(last) at zero voltage; charge
on a capacitor beside the stack per unit of the voltage, x-directed [m^-2]; film amount that blocks 1 - 1/e of the area
[m^-2] (0: none), exponent of that, 2 kappa of tunnelling [1/m]; unknown of the field in the film (-1: none), after
which stands its voltage, FIELD_SCALE over kT/q [1/m], eps_f/q and sigma/q times that unit, b of Poole-Frenkel times its
root; species whose atoms act as recombination centres (-1: none), centres per atom, capture coefficients of electrons
and holes [m^3/s]."""
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
LINEAR, BAND, SITE, POWER, FILM_SHARE, PRESENT, LEFT, FREE = range(8)
"""Kinds of activity: how a reaction sees a participant; SITE is a halide of a lattice, FREE the
sites that a species and those that share them with it leave empty."""
KIND, DEPENDS_ON, CARRIER = 0, 1, 4
"""Columns of `Tables.activity`: kind, up to three unknowns, species and cell of a BAND or FREE activity, halide (0 the
first, 1 the last) and cell of a SITE activity."""
DEPENDS = 3
VALUE, BY = 0, 1
"""Columns of `State.activity`: value, then slopes by the unknowns that it depends on."""

CARRIERS_FASTER = 1e8
"""Ratio of the diffusivities of carriers and ions when a device relaxes."""
ZETA, TAKEN, PACE, EXPONENT, PER_VACANCY, LEAD_SPECIES, LEAD_SHARE = range(7)
"""Columns of `Tables.phase`: species that are zeta and the share of the lead taken, k [1/s], n, 1/theta_V at which that
is k (0: whatever theta_V), species that is metallic lead (-1: none), share of the lead that one unit of it is."""

CHARGES, HELD, HALIDES, RATES = range(4)
"""Entries of `State.rounding`."""

QUADRATURES = (
    "electrons_first",
    "electrons_last",
    "holes_first",
    "holes_last",
    "recombined",
    "current_first",
    "radiative",
    "voltage",
    "trapped",
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
    lattice: np.ndarray
    """(10, n)."""
    pair: np.ndarray
    """(4, 2, n)."""
    species: np.ndarray
    """(3, s)."""
    species_cell: np.ndarray
    """(9, s, n)."""
    excess: np.ndarray
    """Excess chemical potential of each statistics and its slope (kinds, 2, points)."""
    excess_number: np.ndarray
    """(kinds, 3), as perovsim.physics.statistics.excess reads them."""
    trap: np.ndarray
    """Traps in layers (t, TRAP_COLUMNS)."""
    junction: np.ndarray
    """Traps at junctions (j, JUNCTION_COLUMNS)."""
    face: np.ndarray
    """(7, n + 1)."""
    contact: np.ndarray
    """(2, 5)."""
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
    """Change of the offset with the composition, and what the statistics add to it [kT] (s, n)."""
    band_excess: np.ndarray
    """What the statistics add for electrons and holes [kT] (2, n)."""
    bend: np.ndarray
    """Its slope by the unknown of the same carrier (2, n)."""
    free: np.ndarray
    """Share of the sites of each group of species that is empty (s, n)."""
    by: np.ndarray
    """Slopes of the composition by the fractions of vacancies and of the first halide (2, n)."""
    excess: np.ndarray
    """Excess potentials of the first and the last halide [kT] (2, n)."""
    excess_by: np.ndarray
    """Their slopes by the fractions of vacancies and of the first halide (2, 2, n)."""
    ease: np.ndarray
    """Change of ln D with stress, then its slopes by the two fractions (3, n)."""
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
    rounding: np.ndarray
    """How far rounding of every unknown moves, over its relative size, the fluxes of charge (CHARGES), those of the
    halides over their amount [1/s] (HALIDES) and the rate of every process (from RATES on); and the current through the
    face that the circuit holds (HELD) [m^-2 s^-1] (3 + processes,)."""


def new_state(tables: Tables, processes: int) -> State:
    """Arrays of a State for one device."""
    n, s = tables.cell.shape[1], tables.species.shape[1]
    return State(
        np.zeros((s, n)),
        np.zeros((s, n)),
        np.zeros((2, n)),
        np.zeros((2, n)),
        np.ones((s, n)),
        np.zeros((2, n)),
        np.zeros((2, n)),
        np.zeros((2, 2, n)),
        np.zeros((3, n)),
        np.zeros(1 + tables.film.size),
        np.zeros(1 + tables.film.size),
        np.zeros((s + 1, n + 1)),
        np.zeros(len(QUADRATURES) + processes + 2),
        np.zeros((tables.activity.shape[0], 1 + DEPENDS)),
        np.ones(1, np.int64),
        np.zeros(RATES + processes),
    )


def without_reactions(tables: Tables) -> Tables:
    """The same device with every reaction and transformation held: none of their rows is left to be computed."""
    rows = ("rate", "link", "row", "change", "activity", "activity_number", "phase")
    return tables._replace(side=tables.side[:, :0], **{name: getattr(tables, name)[:0] for name in rows})


STILL = 1e-40
"""Share of a diffusivity that stands for none: fluxes of what it holds are far below rounding."""


def with_ions_held(tables: Tables) -> Tables:
    """The same device with every ion, neutral species and halide in its place."""
    own, cell = tables.species_cell.copy(), tables.cell.copy()
    own[DIFFUSIVITY, HOLE + 1 :] *= STILL
    cell[[JUMP_FIRST, JUMP_SECOND]] *= STILL
    return tables._replace(species_cell=own, cell=cell)


def with_generation(tables: Tables, generation: np.ndarray) -> Tables:
    """The same device with other pairs per light of one [m^-3 s^-1] (n,)."""
    cell = tables.cell.copy()
    cell[GENERATION] = generation
    return tables._replace(cell=cell)


def relaxing(tables: Tables, layer: np.ndarray) -> Tables:
    """The same device with diffusivities that let it reach equilibrium, which does not depend on them, in one time.

    Ions cross their layer within a second, carriers much faster, and no step of emission holds the carriers back: true
    diffusivities span decades, and at the time that the slowest needs, the fastest would be lost in rounding.
    layer : index of the layer of each cell (n,)
    """
    square = np.bincount(layer, tables.cell[WIDTH])[layer] ** 2
    cell, own, face, contact = (x.copy() for x in (tables.cell, tables.species_cell, tables.face, tables.contact))
    cell[JUMP_FIRST : JUMP_SECOND + 1] = np.where(cell[JUMP_FIRST : JUMP_SECOND + 1] > 0.0, square, 0.0)
    own[DIFFUSIVITY] = np.where(own[DIFFUSIVITY] > 0.0, square, 0.0)
    own[DIFFUSIVITY, : HOLE + 1] *= CARRIERS_FASTER
    face[EMISSION:BESIDE], contact[:, STICKING:IMAGE] = 0.0, 0.0
    return tables._replace(cell=cell, species_cell=own, face=face, contact=contact)
