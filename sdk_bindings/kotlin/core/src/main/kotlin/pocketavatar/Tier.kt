package pocketavatar

/** The tier of a style, and what a user is entitled to. */
public enum class Tier {
    /** Everyone may use styles of this tier. As an entitlement: the user may use the free styles only. */
    FREE,

    /** Only users of Plus may use styles of this tier. As an entitlement: the user may use all styles. */
    PLUS,
}
