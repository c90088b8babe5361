/// The tier of a style, and what a user is entitled to.
public enum Tier: String, Sendable {
  /// Everyone may use styles of this tier. As an entitlement: the user may use the free styles only.
  case free
  /// Only users of Plus may use styles of this tier. As an entitlement: the user may use all styles.
  case plus
}
