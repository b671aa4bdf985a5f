// Owns the numbers of the rational function that stands for tanh. Knows no scores.
// Invariant: native/ops/margins.h holds the same numbers.

/**
 * tanh(y) is y P(y^2) / Q(y^2) for |y| up to `limit`, to some units in the last place: the minimax fit of degrees 13 and 6 that
 * Eigen's `ptanh` uses. Highest power first.
 */
export const SOFT_MARGIN = {
  limit: 7.998811721801758,
  over: [
    -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8,
    1.48572235717979e-5, 6.37261928875436e-4, 4.89352455891786e-3,
  ],
  under: [1.19825839466702e-6, 1.18534705686654e-4, 2.268434632439e-3, 4.89352518554385e-3],
} as const;
