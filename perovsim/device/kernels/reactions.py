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

from perovsim.device.kernels.compiled import compiled, inlined, part
from perovsim.device.kernels.powers import power
from perovsim.device.kernels.tables import (
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
    FREE,
    GROUP,
    HOLE,
    IN_CELL,
    IN_PLACE,
    JUMPS,
    KIND,
    LEFT,
    LINEAR,
    LINK,
    OFFSET_GROWTH,
    PER_SITE,
    POTENTIALS,
    POWER,
    PRESENT,
    PROCESS,
    QUADRATURES,
    RATE,
    SCALE,
    SEED,
    SITE,
    SLOPE,
    SLOWING,
    STEPS,
    VALUE,
)
from perovsim.device.kernels.transport import safe_exp
from perovsim.physics import growth

prefactor = inlined(growth.prefactor)

TINY = 1e-250
"""Activities below this count as this in logarithms and quotients."""
LEAST_SHARED = 1e-30
"""The same where jumps in series share the affinity: its slopes go with the inverse of an activity."""
EXTENTS, CURRENT = len(QUADRATURES), QUADRATURES.index("current_first")


@part
def activities(p, y, state):
    """Fill the value of every activity, and its slopes by the unknowns that it depends on."""
    entry, numbers, out, shift, bend = p.activity, p.activity_number, state.activity, state.shift, state.bend
    own, by, excess, excess_by = p.species_cell, state.by, state.excess, state.excess_by
    for k in range(entry.shape[0]):
        kind, i0, i1, number = entry[k, KIND], entry[k, DEPENDS_ON], entry[k, DEPENDS_ON + 1], numbers[k, 0]
        if kind == LINEAR:
            out[k, VALUE], out[k, BY] = y[i0] * number, number
        elif kind == BAND:
            s, i = entry[k, CARRIER], entry[k, CARRIER + 1]
            shifted = number * safe_exp(shift[s, i])
            value = y[i0] * shifted
            out[k, VALUE], out[k, BY] = value, shifted * (1.0 + y[i0] * bend[s, i])
            out[k, BY + 1] = value * own[SLOPE, s, i] * by[0, i]
            out[k, BY + 2] = value * own[SLOPE, s, i] * by[1, i]
        elif kind == SITE:
            halide, i, first = entry[k, CARRIER], entry[k, CARRIER + 1], y[i1] if i1 >= 0 else 0.0
            share = first if halide == 0 else 1.0 - y[i0] - first
            energy, by_v, by_x = excess[halide, i], excess_by[halide, 0, i], excess_by[halide, 1, i]
            out[k, VALUE], out[k, BY], out[k, BY + 1] = _site(halide, share, energy, by_v, by_x, number)
        elif kind == FREE:
            s, i, e = entry[k, CARRIER], entry[k, CARRIER + 1], BY
            out[k, VALUE] = state.free[int(own[GROUP, s, i]), i]
            for t in range(HOLE + 1, p.species.shape[1]):  # in the order of the unknowns that it depends on
                if own[PER_SITE, t, i] > 0.0 and own[GROUP, t, i] == own[GROUP, s, i]:
                    out[k, e] = -own[PER_SITE, t, i] * p.species[SCALE, t]
                    e += 1
        elif kind == POWER:
            per = numbers[k, 1]
            out[k, VALUE], slope = power(1.0 - per * y[i0], number)
            out[k, BY] = -per * slope
        elif kind == PRESENT:
            left = math.exp(-y[i0] / number)
            out[k, VALUE], out[k, BY] = -math.expm1(-y[i0] / number), left / number
        elif kind == LEFT:
            per = numbers[k, 1]
            left = math.exp(-(1.0 - per * y[i0]) / number)
            out[k, VALUE], out[k, BY] = 1.0 - left, -per * left / number
        else:
            out[k, VALUE], out[k, BY], out[k, BY + 1] = _film_share(y[i0], y[i1] if i1 >= 0 else 0.0, number)


@inlined
def _site(halide, share, excess, by_vacancy, by_first, counts):
    """Activity of a halide on its sites: its share times exp(excess), with its slopes by vacancies and first halide.

    counts : 1, or 0 where only the share matters and not the excess
    """
    gamma = safe_exp(counts * excess) if excess != 0.0 else 1.0
    return (
        share * gamma,
        gamma * ((0.0 if halide == 0 else -1.0) + counts * share * by_vacancy),
        gamma * ((1.0 if halide == 0 else -1.0) + counts * share * by_first),
    )


@inlined
def _film_share(own, other, least):
    """Mole fraction in a film times its presence, 1 - exp(-amount/least), with its slopes by both amounts."""
    total = own + other
    if abs(total) < 1e-8 * least:
        return own / least, 1.0 / least, 0.0
    present, fade = -math.expm1(-total / least), math.exp(-total / least) / least
    return (
        own / total * present,
        present * other / total**2 + own / total * fade,
        -present * own / total**2 + own / total * fade,
    )


@inlined
def _product(activity, ids, side, r, skip):
    """Product of the activities of one side of row r, without the one at `skip`."""
    product = 1.0
    for k in range(ids.shape[2]):
        i = ids[side, r, k]
        if k != skip and i >= 0:
            product *= activity[i, VALUE]
    return product


@inlined
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


@inlined
def _logarithms(activity, ids, side, r, least):
    """Sum of ln a over one side of row r, of activities that count as `least` at the least."""
    total = 0.0
    for k in range(ids.shape[2]):
        i = ids[side, r, k]
        if i >= 0:
            total += math.log(max(activity[i, VALUE], least))
    return total


@inlined
def _note(cols, slopes, count, col, slope):
    """Add a slope by one unknown to those noted so far; returns how many there are."""
    if col < 0 or slope == 0.0:
        return count
    for k in range(count):
        if cols[k] == col:
            slopes[k] += slope
            return count
    cols[count], slopes[count] = col, slope
    return count + 1


@inlined
def _enter(blocks, below, where, row, change, r, col, slope):
    """Matrix entries of a slope of rate r by one unknown, in the rows that it changes."""
    band, most, is_lump = where.shape[1], blocks.shape[1], col >= where.shape[1]
    cell, place = (0, 3 * most + col - band) if is_lump else (where[IN_CELL, col], where[IN_PLACE, col])
    for k in range(row.shape[1]):
        at = row[r, k]
        if at >= band:
            below[at - band, col] -= change[r, k] * slope
        elif at >= 0:
            i = where[IN_CELL, at]
            blocks[i, where[IN_PLACE, at], place if is_lump else (cell - i + 1) * most + place] -= change[r, k] * slope


@compiled
def react(p, y, state, f, m, want, beam):
    """Add every reaction to the rows that it changes, to the charge passed at the contacts and to the extents.

    The hot loop: nothing is passed on here but numbers and whole arrays.
    """
    activities(p, y, state)
    law, link, row, change, side, where, thickness = p.rate, p.link, p.row, p.change, p.side, p.where, state.thickness
    entry, number, activity, ledger = p.activity, p.activity_number, state.activity, state.ledger
    blocks, below, by = m.blocks, m.below, m.ledger
    films, charge, h = p.film.shape[0], ledger.shape[0] - 2, thickness[0]
    most = POTENTIALS + 1 + 2 * DEPENDS * side.shape[2] + films
    cols, slopes = np.empty(most, np.int64), np.empty(most)
    for r in range(law.shape[0]):
        energy = law[r, ENERGY]
        for k in range(POTENTIALS):
            if link[r, LINK + k] >= 0:
                energy += law[r, DROP + k] * y[link[r, LINK + k]]
        slowed, by_thickness = beam if law[r, DRIVEN] > 0.0 else 1.0, 0.0
        if law[r, SLOWING] > 0.0 or law[r, FADING] > 0.0:
            slowed, by_thickness = prefactor(h, law[r, OFFSET_GROWTH], law[r, SLOWING], law[r, FADING])
        if law[r, JUMPS] > 0.0:
            rate, by_jumps, count = _shared(
                law, link, side, entry, activity, r, energy, 1.0 + law[r, JUMPS] * h, slowed, want, cols,
                slopes,
            )  # fmt: skip
            by_thickness = by_thickness * rate + by_jumps * law[r, JUMPS]
        else:
            rate, count = _single(
                law, link, side, entry, number, activity, y, r, energy, slowed, want, cols,
                slopes,
            )  # fmt: skip
            by_thickness *= rate
        for k in range(row.shape[1]):
            if row[r, k] >= 0:
                f[row[r, k]] += change[r, k] * rate
        extent, per_step, at_contact = EXTENTS + link[r, PROCESS], 1.0 / law[r, STEPS], law[r, AT_CONTACT]
        ledger[extent] += rate / law[r, STEPS]
        ledger[charge] += at_contact * rate
        ledger[charge + 1] += law[r, AT_CONTACT + 1] * rate
        if not want:
            continue
        if by_thickness != 0.0:
            for k in range(films):
                count = _note(cols, slopes, count, where.shape[1] + 1 + k, by_thickness * thickness[1 + k])
        for k in range(count):
            by[extent, cols[k]] += per_step * slopes[k]
            by[CURRENT, cols[k]] += at_contact * slopes[k]
            _enter(blocks, below, where, row, change, r, cols[k], slopes[k])


@inlined
def _single(law, link, side, entry, number, activity, y, r, energy, slowed, want, cols, slopes):
    """r = gate r0 [exp(alpha E) prod a_reactants - exp(-(1 - alpha) E) prod a_products] and, where `want`, how many
    slopes it left in cols and slopes."""
    alpha, r0, present = law[r, ALPHA], law[r, RATE] * slowed, link[r, SEED]
    up, down = r0 * safe_exp(alpha * energy), r0 * safe_exp((alpha - 1.0) * energy)
    fore, back = _product(activity, side, 0, r, -1), _product(activity, side, 1, r, -1)
    bare, gate, by_affinity, by_seed = up * fore - down * back, 1.0, 0.0, 0.0
    if present >= 0:
        affinity = energy + _logarithms(activity, side, 0, r, TINY) - _logarithms(activity, side, 1, r, TINY)
        seeds = y[entry[present, DEPENDS_ON]]
        gate, by_affinity, by_seed = _gate(law[r, BARRIER], affinity, number[present, 0], seeds)
    if not want:
        return gate * bare, 0
    count, by_energy = 0, gate * (alpha * up * fore + (1.0 - alpha) * down * back) + by_affinity * bare
    for k in range(POTENTIALS):
        count = _note(cols, slopes, count, link[r, LINK + k], by_energy * law[r, DROP + k])
    for s in range(2):
        factor, by_log = (gate * up, by_affinity * bare) if s == 0 else (-gate * down, -by_affinity * bare)
        for k in range(side.shape[2]):
            i = side[s, r, k]
            if i < 0:
                continue
            weight = factor * _product(activity, side, s, r, k)
            if by_log != 0.0:
                weight += by_log / max(activity[i, VALUE], TINY)
            for e in range(DEPENDS):
                count = _note(cols, slopes, count, entry[i, DEPENDS_ON + e], weight * activity[i, BY + e])
    if present >= 0:
        count = _note(cols, slopes, count, entry[present, DEPENDS_ON], by_seed * bare)
    return gate * bare, count


@inlined
def _shared(law, link, side, entry, activity, r, energy, jumps, slowed, want, cols, slopes):
    """r = r0' [exp(alpha A/N) - exp(-(1 - alpha) A/N)], r0' as for N = 1: its value, its slope by N, and where
    `want` how many slopes by other unknowns it left in cols and slopes."""
    alpha, r0 = law[r, ALPHA], law[r, RATE] * slowed
    before = _logarithms(activity, side, 0, r, LEAST_SHARED)
    after = _logarithms(activity, side, 1, r, LEAST_SHARED)
    affinity = energy + before - after
    level = (1.0 - alpha) * before + alpha * after
    fore = r0 * safe_exp(level + alpha * affinity / jumps)
    back = r0 * safe_exp(level - (1.0 - alpha) * affinity / jumps)
    by_affinity = (alpha * fore + (1.0 - alpha) * back) / jumps
    count = 0
    if want:
        for k in range(POTENTIALS):
            count = _note(cols, slopes, count, link[r, LINK + k], by_affinity * law[r, DROP + k])
        for s in range(2):
            by_log = (1.0 - alpha) * (fore - back) + by_affinity if s == 0 else alpha * (fore - back) - by_affinity
            for k in range(side.shape[2]):
                i = side[s, r, k]
                if i < 0 or activity[i, VALUE] <= LEAST_SHARED:
                    continue
                weight = by_log / activity[i, VALUE]
                for e in range(DEPENDS):
                    count = _note(cols, slopes, count, entry[i, DEPENDS_ON + e], weight * activity[i, BY + e])
    return fore - back, -by_affinity * affinity / jumps, count
