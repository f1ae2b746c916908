"""Rates of the reactions (numba).

One law for all: r = r0' [exp(alpha A) - exp(-(1 - alpha) A)] with the affinity A [kT] per elementary step and
r0' = r0 (prod a_reactants)^(1-alpha) (prod a_products)^alpha. Written out with A = E + sum ln a_reactants -
sum ln a_products, E linear in the potentials, no logarithm of an activity is left:
r = r0 [exp(alpha E) prod a_reactants - exp(-(1 - alpha) E) prod a_products], zero exactly where A is zero.
A film that grows thick lowers r0 by a factor P(h), or lets N(h) jumps in series share the affinity, A/N in place of A
(perovsim.physics.growth): only then are the logarithms needed.
"""

import math

import numpy as np

from perovsim.device.compiled import compiled
from perovsim.device.powers import power
from perovsim.device.tables import (
    ALPHA,
    AT_CONTACT,
    BAND,
    BARRIER,
    BY,
    CARRIER,
    DEPENDS,
    DEPENDS_ON,
    DRIVEN,
    DROP,
    ENERGY,
    FADING,
    IN_CELL,
    IN_PLACE,
    JUMPS,
    KIND,
    LEFT,
    LINEAR,
    LINK,
    OFFSET_GROWTH,
    POTENTIALS,
    POWER,
    PRESENT,
    PROCESS,
    QUADRATURES,
    RATE,
    SEED,
    SITE,
    SLOPE,
    SLOWING,
    STEPS,
    VALUE,
)
from perovsim.device.transport import safe_exp
from perovsim.physics import growth

prefactor = compiled(growth.prefactor)

TINY = 1e-250
"""Activities below this count as this in logarithms and quotients."""
LEAST_SHARED = 1e-30
"""The same where jumps in series share the affinity: its slopes go with the inverse of an activity."""
EXTENTS, CURRENT = len(QUADRATURES), QUADRATURES.index("current_first")


@compiled
def activities(p, y, state):
    """Fill the value of every activity, and its slopes by the unknowns that it depends on."""
    for k in range(p.activity.shape[0]):
        entry, out = p.activity[k], state.activity[k]
        kind, i0, i1, number = entry[KIND], entry[DEPENDS_ON], entry[DEPENDS_ON + 1], p.activity_number[k, 0]
        if kind == LINEAR:
            out[VALUE], out[BY] = y[i0] * number, number
        elif kind == BAND:
            s, i = entry[CARRIER], entry[CARRIER + 1]
            shift = safe_exp(state.shift[s, i])
            out[VALUE], out[BY] = y[i0] * number * shift, number * shift * (1.0 + y[i0] * state.bend[s, i])
            out[BY + 1] = out[VALUE] * p.species_cell[SLOPE, s, i] * state.by[0, i]
            out[BY + 2] = out[VALUE] * p.species_cell[SLOPE, s, i] * state.by[1, i]
        elif kind == SITE:
            _site(entry[CARRIER], y[i0], y[i1] if i1 >= 0 else 0.0, state, entry[CARRIER + 1], number, out)
        elif kind == POWER:
            per = p.activity_number[k, 1]
            out[VALUE], slope = power(1.0 - per * y[i0], number)
            out[BY] = -per * slope
        elif kind == PRESENT:
            out[VALUE], out[BY] = -math.expm1(-y[i0] / number), math.exp(-y[i0] / number) / number
        elif kind == LEFT:
            per = p.activity_number[k, 1]
            left = math.exp(-(1.0 - per * y[i0]) / number)
            out[VALUE], out[BY] = 1.0 - left, -per * left / number
        else:
            _film_share(y[i0], y[i1] if i1 >= 0 else 0.0, number, out)


@compiled
def _site(halide, vacancy, first, state, i, counts, out):
    """Activity of a halide on its sites: its share times exp(excess), with its slopes by vacancies and first halide.

    counts : 1, or 0 where only the share matters and not the excess
    """
    gamma = safe_exp(counts * state.excess[halide, i])
    share = first if halide == 0 else 1.0 - vacancy - first
    out[VALUE] = share * gamma
    out[BY] = gamma * ((0.0 if halide == 0 else -1.0) + counts * share * state.excess_by[halide, 0, i])
    out[BY + 1] = gamma * ((1.0 if halide == 0 else -1.0) + counts * share * state.excess_by[halide, 1, i])


@compiled
def _film_share(own, other, least, out):
    """Mole fraction in a film times the presence of the film, 1 - exp(-amount/least)."""
    total = own + other
    if abs(total) < 1e-8 * least:
        out[VALUE], out[BY], out[BY + 1] = own / least, 1.0 / least, 0.0
        return
    present, fade = -math.expm1(-total / least), math.exp(-total / least) / least
    out[VALUE] = own / total * present
    out[BY] = present * other / total**2 + own / total * fade
    out[BY + 1] = -present * own / total**2 + own / total * fade


@compiled
def _product(activity, ids, skip):
    """Product of the activities of one side, without the one at `skip`."""
    product = 1.0
    for k in range(ids.shape[0]):
        if k != skip and ids[k] >= 0:
            product *= activity[ids[k], VALUE]
    return product


@compiled
def _gate(barrier, affinity, seed, seeds):
    """Nucleation: 1 on existing clusters, exp(-(barrier/A)^2) for a new one; with its slopes by A and by the seeds.

    What does not exist cannot dissolve: at A < 0 only the clusters count, so the rate changes sign at A = 0 smoothly.
    """
    u = max(seeds, 0.0) / seed
    grown = -math.expm1(-u)
    by_seed = math.exp(-u) / seed if seeds > 0.0 else 0.0
    if affinity <= 0.0:
        return grown, 0.0, by_seed
    ratio = barrier / affinity
    fresh = math.exp(-ratio * ratio)
    by_affinity = (1.0 - grown) * fresh * 2.0 * ratio * ratio / affinity
    return grown + (1.0 - grown) * fresh, by_affinity, by_seed * (1.0 - fresh)


@compiled
def _affinity(p, activity, r, energy):
    """A [kT] of one step."""
    affinity = energy
    for k in p.side[0, r]:
        if k >= 0:
            affinity += math.log(max(activity[k, VALUE], TINY))
    for k in p.side[1, r]:
        if k >= 0:
            affinity -= math.log(max(activity[k, VALUE], TINY))
    return affinity


@compiled
def _column(blocks, below, where, rows, change, col, slope):
    """Matrix entries of a slope of a rate by one unknown, in the rows that it changes."""
    band, most = where.shape[1], blocks.shape[1]
    for k in range(rows.shape[0]):
        row = rows[k]
        if row >= band:
            below[row - band, col] -= change[k] * slope
        elif row >= 0:
            i = where[IN_CELL, row]
            at = 3 * most + col - band if col >= band else (where[IN_CELL, col] - i + 1) * most + where[IN_PLACE, col]
            blocks[i, where[IN_PLACE, row], at] -= change[k] * slope


@compiled
def _slopes(p, r, law, activity, up, down, fore, back, gate, by_affinity, by_seed, present, cols, slopes):
    """Unknowns that rate r depends on and its slopes by them, in order of appearance; returns how many."""
    bare, count = up * fore - down * back, 0
    by_energy = gate * (law[ALPHA] * up * fore + (1.0 - law[ALPHA]) * down * back) + by_affinity * bare
    for k in range(POTENTIALS):
        cols[count], slopes[count] = p.link[r, LINK + k], by_energy * law[DROP + k]
        count += 1
    for side, factor in ((0, gate * up), (1, -gate * down)):
        ids = p.side[side, r]
        for k in range(ids.shape[0]):
            i = ids[k]
            if i < 0:
                continue
            weight = factor * _product(activity, ids, k)
            if by_affinity != 0.0:
                weight += (1.0 - 2.0 * side) * by_affinity * bare / max(activity[i, VALUE], TINY)
            for e in range(DEPENDS):
                cols[count], slopes[count] = p.activity[i, DEPENDS_ON + e], weight * activity[i, BY + e]
                count += 1
    if present >= 0:
        cols[count], slopes[count] = p.activity[present, DEPENDS_ON], by_seed * bare
        count += 1
    return count


@compiled
def _logarithms(activity, ids):
    """Sum of ln a over one side."""
    total = 0.0
    for k in range(ids.shape[0]):
        if ids[k] >= 0:
            total += math.log(max(activity[ids[k], VALUE], LEAST_SHARED))
    return total


@compiled
def _shared(p, r, law, activity, energy, jumps, rate, want, cols, slopes):
    """r = r0' [exp(alpha A/N) - exp(-(1 - alpha) A/N)], r0' as for N = 1: its value, its slope by N, and where
    `want` how many slopes by other unknowns it left in cols and slopes."""
    alpha = law[ALPHA]
    before, after = _logarithms(activity, p.side[0, r]), _logarithms(activity, p.side[1, r])
    affinity = energy + before - after
    level = (1.0 - alpha) * before + alpha * after
    fore = rate * safe_exp(level + alpha * affinity / jumps)
    back = rate * safe_exp(level - (1.0 - alpha) * affinity / jumps)
    by_affinity = (alpha * fore + (1.0 - alpha) * back) / jumps
    count = 0
    if want:
        for k in range(POTENTIALS):
            cols[count], slopes[count] = p.link[r, LINK + k], by_affinity * law[DROP + k]
            count += 1
        for side, by_log in (
            (0, (1.0 - alpha) * (fore - back) + by_affinity),
            (1, alpha * (fore - back) - by_affinity),
        ):
            for i in p.side[side, r]:
                if i < 0 or activity[i, VALUE] <= LEAST_SHARED:
                    continue
                for e in range(DEPENDS):
                    cols[count] = p.activity[i, DEPENDS_ON + e]
                    slopes[count] = by_log / activity[i, VALUE] * activity[i, BY + e]
                    count += 1
    return fore - back, -by_affinity * affinity / jumps, count


@compiled
def react(p, y, state, f, m, want, beam):
    """Add every reaction to the rows that it changes, to the charge passed at the contacts and to the extents."""
    activities(p, y, state)
    activity, charge, films = state.activity, state.ledger.shape[0] - 2, p.film.shape[0]
    most = POTENTIALS + 1 + 2 * DEPENDS * p.side.shape[2] + films
    cols, slopes = np.empty(most, np.int64), np.empty(most)
    for r in range(p.rate.shape[0]):
        law, link, rows, change = p.rate[r], p.link[r], p.row[r], p.change[r]
        energy, h = law[ENERGY], state.thickness[0]
        for k in range(POTENTIALS):
            if link[LINK + k] >= 0:
                energy += law[DROP + k] * y[link[LINK + k]]
        slowed, by_thickness = beam if law[DRIVEN] > 0.0 else 1.0, 0.0
        if law[SLOWING] > 0.0 or law[FADING] > 0.0:
            slowed, by_thickness = prefactor(h, law[OFFSET_GROWTH], law[SLOWING], law[FADING])
        if law[JUMPS] > 0.0:
            rate, by_jumps, count = _shared(
                p, r, law, activity, energy, 1.0 + law[JUMPS] * h, law[RATE] * slowed, want, cols, slopes
            )
            by_thickness = by_thickness * rate + by_jumps * law[JUMPS]
        else:
            rate, count = _single(p, y, r, law, activity, energy, law[RATE] * slowed, want, cols, slopes)
            by_thickness *= rate
        for k in range(rows.shape[0]):
            if rows[k] >= 0:
                f[rows[k]] += change[k] * rate
        state.ledger[EXTENTS + link[PROCESS]] += rate / law[STEPS]
        state.ledger[charge] += law[AT_CONTACT] * rate
        state.ledger[charge + 1] += law[AT_CONTACT + 1] * rate
        if not want:
            continue
        if by_thickness != 0.0:
            for k in range(films):
                cols[count] = p.where.shape[1] + 1 + k
                slopes[count] = by_thickness * state.thickness[1 + k]
                count += 1
        extent = m.ledger[EXTENTS + link[PROCESS]]
        for k in range(count):
            col, slope = cols[k], slopes[k]
            if col >= 0 and slope != 0.0:
                _column(m.blocks, m.below, p.where, rows, change, col, slope)
                extent[col] += slope / law[STEPS]
                m.ledger[CURRENT, col] += law[AT_CONTACT] * slope


@compiled
def _single(p, y, r, law, activity, energy, r0, want, cols, slopes):
    """r = gate r0 [exp(alpha E) prod a_reactants - exp(-(1 - alpha) E) prod a_products] and, where `want`, how many
    slopes it left in cols and slopes."""
    alpha = law[ALPHA]
    up, down = r0 * safe_exp(alpha * energy), r0 * safe_exp((alpha - 1.0) * energy)
    fore, back = _product(activity, p.side[0, r], -1), _product(activity, p.side[1, r], -1)
    gate, by_affinity, by_seed, present = 1.0, 0.0, 0.0, p.link[r, SEED]
    if present >= 0:
        affinity, seeds = _affinity(p, activity, r, energy), y[p.activity[present, DEPENDS_ON]]
        gate, by_affinity, by_seed = _gate(law[BARRIER], affinity, p.activity_number[present, 0], seeds)
    count = 0
    if want:
        count = _slopes(p, r, law, activity, up, down, fore, back, gate, by_affinity, by_seed, present, cols, slopes)
    return gate * (up * fore - down * back), count
