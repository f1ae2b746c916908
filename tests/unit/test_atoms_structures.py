"""Disorder, new phases, grains, tilt, octahedra, faces and skins against the state and the request."""

import numpy as np
import pytest
from atoms_synthetic import CELL_BR, CELL_CL, device, result
from numpy.testing import assert_allclose

from perovsim.atoms import Irradiation, Microstructure, Preparation, build_lamella, lamella_figure
from perovsim.atoms.clusters import _sizes
from perovsim.atoms.crystals import atom_density, density, unit_cell
from perovsim.atoms.fields import parted, smooth_map, take_cells
from perovsim.atoms.piece import periodic_pairs
from perovsim.errors import PerovsimError

CELL = (CELL_BR + 0.3 * (CELL_CL - CELL_BR)) * 1e10
WHERE = {"time": 3600, "window": ("14 nm", "24 nm"), "thickness": "5 nm", "height": "4 nm"}


def amplitude(lamella, planes=2):
    """|F| per atom of lead of the reflection with `planes` planes per cell along y: 1 for a perfect crystal."""
    atoms = lamella.atoms
    lead = atoms.positions[atoms.numbers == 82]
    cells = lamella.height * 1e10 / round(lamella.height * 1e10 / CELL)
    return np.abs(np.exp(2j * np.pi * planes * lead[:, 1] / cells).mean())


def columns(lamella, number):
    return lamella.atoms.positions[lamella.atoms.numbers == number]


@pytest.mark.parametrize(
    ("name", "expected", "rtol"),
    [
        ("LiF", 2.64, 0.005),  # CRC Handbook, solid densities [g/cm3]
        ("ITO", 7.18, 0.01),  # CRC, In2O3
        ("CsBr", 4.43, 0.02),  # CRC
        ("CsCl", 3.99, 0.01),  # CRC
        ("CsPbBr3_orthorhombic", 4.83, 0.01),  # Stoumpos et al., Cryst. Growth Des. 13, 2722 (2013): 4.83 g/cm3
        ("Cs4PbBr6", 4.29, 0.01),  # cell of ICSD 25124
    ],
)
def test_density_of_the_new_crystals(name, expected, rtol):
    assert_allclose(density(name), expected, rtol=rtol)


def test_bonds_of_the_orthorhombic_crystal_are_lead_octahedra():
    cell = unit_cell("CsPbBr3_orthorhombic").repeat(2)
    lead = next(atom.index for atom in cell if atom.symbol == "Pb")
    bromine = [atom.index for atom in cell if atom.symbol == "Br"]
    # Pb-Br of CsPbBr3 is 2.95 to 2.97 angstrom in later refinements; R = 0.126 here
    assert_allclose(np.sort(cell.get_distances(lead, bromine, mic=True))[:6], 2.97, atol=0.13)


def test_order_parameter_is_the_bragg_amplitude():
    """The order parameter multiplies the Bragg amplitude: its part of the cells is left as crystal."""
    for order in (0.3, 0.7):
        lamella = build_lamella(result(order=order), **WHERE)
        assert_allclose(amplitude(lamella), order, atol=0.05)
        assert_allclose(lamella.truth.crystallinity, order)
    assert_allclose(amplitude(build_lamella(result(), **WHERE)), 1.0, rtol=1e-6)


def test_disorder_lies_where_the_profile_says():
    run = result(order=1.0)
    ramp = np.clip((run.fields.x - 14e-9) / 10e-9, 0, 1)
    run.fields["crystallinity"] = run.fields["crystallinity"] * ramp
    lamella = build_lamella(run, **WHERE)
    x = lamella.atoms.positions[:, 0] / 100
    crystal = lamella.atoms.arrays["phase"] == "perovskite"
    for low, high in ((0.05, 0.35), (0.65, 0.95)):
        part = (x > low) & (x < high)
        assert_allclose(crystal[part].mean(), 0.5 * (low + high), atol=0.06)


def test_collapsed_lattice_keeps_its_atoms_and_distances():
    before, after = (build_lamella(run, **WHERE) for run in (result(), result(order=0.2)))
    assert before.composition == after.composition
    _, vectors = periodic_pairs(after.atoms.positions.copy(), 2.4, after.atoms.cell.lengths())
    assert np.linalg.norm(vectors, axis=1).min() > 2.25


def test_phases_hold_the_lead_of_the_fields_and_conserve_every_element():
    """f is the share of the lead; 4 CsPbX3 -> Cs4PbX6 + 3 PbX2, so 0.02 of Cs4PbX6 bring 0.06 of PbX2."""
    before = build_lamella(result(), **WHERE)
    after = build_lamella(result(phases={"PbX2": 0.16, "CsPb2X5": 0.1, "Cs4PbX6": 0.02}), **WHERE)
    assert before.composition == after.composition
    cells = before.composition["Cs"]
    taken = {row.name.split()[-1]: row.value for row in after.checks if " turned into " in row.name}
    assert_allclose([taken["PbX2"], taken["CsPb2X5"], taken["Cs4PbX6"]], np.array([0.1, 0.1, 0.08]) * cells, atol=1.0)
    left = (after.atoms.arrays["phase"] == "perovskite") & (after.atoms.numbers == 82)
    assert_allclose(left.sum() / cells, 0.72, atol=2 / cells)
    lead = {phase: ((after.atoms.arrays["phase"] == phase) & (after.atoms.numbers == 82)).sum() for phase in taken}
    assert 0.75 * 0.16 < lead["PbX2"] / cells <= 0.1601
    assert 0.6 * 0.1 < lead["CsPb2X5"] / cells <= 0.1001
    assert "Cs4PbBr6" in after.citation and "CsPb2Cl5" in after.citation


def test_grains_of_lead_halide_are_crystals():
    """Pb-Pb in PbBr2 shrunk by 0.3 of the way to PbCl2: five shells up to 5.25 angstrom, the next at 6.84."""
    lamella = build_lamella(result(phases={"PbX2": 0.6}), **WHERE)
    atoms = lamella.atoms[(lamella.atoms.arrays["phase"] == "PbX2") & (lamella.atoms.numbers == 82)]
    _, vectors = periodic_pairs(atoms.positions.copy(), 6.7, lamella.atoms.cell.lengths())
    distance = np.linalg.norm(vectors, axis=1)
    shells = np.array([4.66, 4.84, 4.94, 5.01, 5.25])
    hit = np.abs(distance[:, None] - shells).min(axis=1) < 0.06
    assert hit.mean() > 0.8


def test_same_seed_same_structure():
    run = result(phases={"PbX2": 0.2}, order=0.8)
    one, two = (build_lamella(run, seed=3, **WHERE) for _ in range(2))
    assert_allclose(one.atoms.positions, two.atoms.positions, rtol=0, atol=0)


def test_octahedra_tilt_as_in_the_orthorhombic_crystal():
    """Table: Br1 leaves (1/2, 1/4, 0) by 0.38, Br2 (1/4, 0, 3/4) by 0.59 angstrom: 0.53 rms; Pb stays."""
    run = result(x_cl=(0.0, 0.0), start=0.0, theta_v=0.0)
    even = {**WHERE, "thickness": 8 * CELL * 1e-10, "height": 8 * CELL * 1e-10}
    cubic, tilted = (
        build_lamella(run, microstructure=Microstructure(octahedra=kind), **even) for kind in ("cubic", "z")
    )
    moved = [columns(tilted, number) - columns(cubic, number) for number in (35, 82)]
    assert_allclose(np.sqrt((moved[0] ** 2).sum(axis=1).mean()), 0.529 * CELL / 5.82, rtol=0.03)
    assert_allclose(moved[0].mean(axis=0), 0.0, atol=1e-6)
    assert_allclose(moved[1], 0.0, atol=0.021)
    _, vectors = periodic_pairs(tilted.atoms.positions.copy(), 3.3, tilted.atoms.cell.lengths())
    bonds = np.linalg.norm(vectors, axis=1)
    assert_allclose(np.median(bonds), 2.98, atol=0.08)  # Pb-Br grows when octahedra tilt at a fixed cell


def test_tilt_shears_the_columns():
    lamella = build_lamella(result(), microstructure=Microstructure(tilt=("10 mrad", "0 rad")), **WHERE)
    lead = columns(lamella, 82)
    row = lead[np.abs(lead[:, 0] - 50 - 0.01 * (lead[:, 2] - 25)) < 2.5]
    planes = row[np.argsort(row[:, 0])]
    slope = np.polyfit(planes[:, 2], planes[:, 0], 1)[0]
    assert_allclose(slope, 0.01, rtol=0.05)


def test_grains_turn_and_lose_few_atoms():
    made = Microstructure(grain_size="5 nm", mosaicity="15 mrad")
    lamella = build_lamella(result(), microstructure=made, **WHERE)
    row = next(row for row in lamella.checks if "grain boundaries" in row.name)
    assert 0 < row.value < 0.05
    assert amplitude(lamella) < 0.97


def test_clusters_of_many_sizes_hold_the_same_lead():
    rng = np.random.default_rng(1)
    full = atom_density("Pb") * 4 / 3 * np.pi * 10**3
    equal, spread = _sizes(4000, round(4000 / full), 0.0, rng), _sizes(4000, round(4000 / full), 0.3, rng)
    assert sum(equal) == sum(spread) == 4000
    assert len(equal) == round(4000 / full)
    many = np.array(_sizes(10**6, round(10**6 / full), 0.3, rng))
    assert_allclose(np.log(many).std() / 3, 0.3, rtol=0.05)  # radius is the cube root of the size


def test_wedge_cuts_the_thickness_it_says():
    cut = Preparation(wedge="8 deg")
    lamella = build_lamella(result(), preparation=cut, **WHERE)
    x, z = lamella.atoms.positions[:, 0], lamella.atoms.positions[:, 2]
    thick = lamella.thickness * 1e10
    for at in (15.0, 85.0):
        near = np.abs(x - at) < 10
        assert_allclose(np.ptp(z[near]), thick - np.tan(np.radians(8)) * at, atol=4.0)
    assert len(lamella.atoms) < 0.9 * len(build_lamella(result(), **WHERE).atoms)


def test_outermost_planes_relax_inwards():
    still, relaxed = (
        build_lamella(result(), preparation=cut, **WHERE)
        for cut in (None, Preparation(surface_relaxation="0.2 angstrom"))
    )
    before, after = (columns(lamella, 82)[:, 2] for lamella in (still, relaxed))
    shift = np.abs(after - before)
    outer = (before < 6) | (before > before.max() - 3)
    assert shift[outer].max() < 0.2 and shift[outer].max() > 0.05
    assert shift[np.abs(before - 25) < 5].max() < 0.01


def test_skins_are_amorphous_and_the_middle_is_not():
    skin = build_lamella(result(film=1e-9), time=3600, around="etl|cathode", width="8 nm", thickness="5 nm",
                         height="3 nm", preparation=Preparation(skin="1 nm"))  # fmt: skip
    whole = build_lamella(result(film=1e-9), time=3600, around="etl|cathode", width="8 nm", thickness="5 nm",
                          height="3 nm")  # fmt: skip
    assert skin.composition == whole.composition
    lamella = build_lamella(result(), preparation=Preparation(skin="1 nm"), **WHERE)
    z, phase = lamella.atoms.positions[:, 2], lamella.atoms.arrays["phase"]
    thick = lamella.thickness * 1e10
    middle = (z > 13) & (z < thick - 13)
    assert np.all(phase[middle] == "perovskite")
    assert np.all(phase[(z < 7) | (z > thick - 7)] == "amorphous perovskite")
    assert_allclose((phase == "amorphous perovskite").mean(), 20 / thick, atol=0.06)
    assert "amorphous Al" in skin.phases


def test_dose_takes_halides_makes_lead_and_fades_the_order():
    """sigma D = 1e-24 x 3e22 = 0.03: 3 % of the halides; 300 electrons per square angstrom: C = 1/e."""
    control, hit = (
        build_lamella(result(), irradiation=Irradiation(dose), **WHERE) for dose in (0.0, "300 electron/angstrom^2")
    )
    assert control.composition == build_lamella(result(), **WHERE).composition
    halides = [made.composition["Cl"] + made.composition["Br"] for made in (control, hit)]
    sites = 3 * control.composition["Cs"]
    lost = 1 - np.exp(-0.03)
    displaced = np.abs(control.composition["Cs"] - hit.composition["Cs"]) * 3
    assert_allclose(halides[0] - halides[1], lost * sites, atol=5 * np.sqrt(lost * sites) + displaced)
    assert abs(hit.phases["Pb"] - 0.5 * lost * sites * 0.999) <= 2
    assert hit.composition["Pb"] == control.composition["Pb"]
    assert_allclose(hit.truth.crystallinity, np.exp(-1), rtol=1e-9)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Microstructure(octahedra="w"), "give cubic, x, y or z"),
        (lambda: Microstructure(mosaicity="0.5 rad"), "within 100 mrad"),
        (lambda: Microstructure(grain_size="-1 nm"), "must be positive"),
        (lambda: Microstructure(cluster_spread=3), "between 0 and 1"),
        (lambda: Preparation(skin="1 um"), "out of range"),
        (lambda: Irradiation(-1.0), "must be positive"),
        (lambda: Preparation(wedge="60 deg"), "out of range"),
        (lambda: build_lamella(result(), preparation=Preparation(wedge="25 deg"), **WHERE), "thin end"),
    ],
)
def test_impossible_requests_are_refused(make, text):
    with pytest.raises(PerovsimError, match=text):
        make()


def test_cells_follow_the_shares_to_one():
    rng = np.random.default_rng(2)
    free = np.ones((20, 4, 4), bool)
    share = np.linspace(0, 0.9, 20)
    taken = take_cells(smooth_map(free.shape, 3.0, rng), free, share, rng)
    assert np.all(np.abs(np.cumsum(taken.sum(axis=(1, 2))) - np.cumsum(share * 16)) <= 1)
    parts = parted(smooth_map(free.shape, 3.0, rng), taken, np.array([1.0, 3.0]))
    assert_allclose(parts[0].sum() / taken.sum(), 0.25, atol=0.01)
    assert not (parts[0] & parts[1]).any()


def test_contact_of_indium_tin_oxide_is_a_crystal():
    """Bixbyite: In + Sn to O as 2 to 3, one in ten of the metal is Sn."""
    lamella = build_lamella(result(), time=0.0, around="anode|htl", width="6 nm", thickness="3 nm", height="3 nm")
    count = lamella.composition
    assert_allclose((count["In"] + count["Sn"]) / count["O"], 2 / 3, atol=0.04)
    assert_allclose(count["Sn"] / (count["In"] + count["Sn"]), 0.1, atol=0.005)
    assert "bixbyite" in lamella.citation


def test_every_phase_is_drawn():
    lamella = build_lamella(result(device(), phases={"PbX2": 0.2}, lead=2e26), **WHERE)
    assert len(lamella_figure(lamella).axes) >= 3
