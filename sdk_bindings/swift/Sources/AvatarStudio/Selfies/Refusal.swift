/// A rule that one selfie, or the number of selfies, breaks.
public struct Refusal: Sendable, Equatable {
  /// The index of the selfie, from 0, or nil if the number of selfies breaks the rule.
  public let selfie: Int?
  /// The rule that is broken.
  public let rule: SelfieRule
  /// The measured value, in the unit of the rule.
  public let value: Double
  /// The limit that the value breaks.
  public let limit: Double
  /// For the rule `difference`, the index of the earlier selfie that is nearly the same. Else nil.
  public let earlier: Int?
  /// The rule, the value and the limit in one line of English for the developer. It does not say
  /// which selfie it is.
  public let message: String
}

extension Refusal: CustomStringConvertible {
  /// The message, preceded by the index of the selfie.
  public var description: String { selfie.map { "selfie \($0): \(message)" } ?? message }
}
