package everspan.bench;

/** The pseudo-random function of the generators, and what a record adds to a result's checksum. */
final class Mix {
    private Mix() {}

    /** The output function of splitmix64. */
    static long mix(long z) {
        z += 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** As `mix`, never negative. */
    static long positive(long z) {
        return mix(z) & Long.MAX_VALUE;
    }

    /** A record of up to four numbers as one; sums of these do not depend on the order of the records. */
    static long record(long a, long b, long c, long d) {
        return mix(a * 0x9E3779B97F4A7C15L + b * 0xC2B2AE3D27D4EB4FL + c * 0x165667B19E3779F9L + d * 0x27D4EB2F165667C5L);
    }
}
