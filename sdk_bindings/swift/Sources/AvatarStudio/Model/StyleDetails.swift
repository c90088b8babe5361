/// Who may use a style.
public enum StyleTier: String, Sendable {
  /// Everybody.
  case free
  /// Those for whom the app passes `Entitlement.plus`.
  case plus
}

/// What the app's user has bought.
public enum Entitlement: Sendable {
  /// Styles of the free tier only.
  case free
  /// All styles.
  case plus
}

/// What the manifest says of a style.
public struct StyleDetails: Sendable, Equatable {
  /// What the denoiser knows it by.
  public let index: Int
  /// Its name for people.
  public let title: String
  /// Who may use it.
  public let tier: StyleTier
  /// Licence of the drawings it was learnt from.
  public let licence: String
  /// Where the licence can be read.
  public let licenceURL: String
  /// Who drew them.
  public let creator: String
  /// The creator's page.
  public let creatorURL: String
  /// What the drawings are called.
  public let source: String
  /// Where they can be seen.
  public let sourceURL: String

  /// A line for the app's credits; licences such as CC BY 4.0 ask for it.
  public var credit: String {
    "“\(source)” by \(creator), \(licence) (\(licenceURL)), remixed by a neural network"
  }
}

extension AvatarStyle {
  /// The style of a name as the manifest has it, such as `"open-peeps"`.
  ///
  /// Throws `AvatarError.styleUnknown` for a style that this model does not have.
  public init(named name: String) throws(AvatarError) {
    guard let style = AvatarStyle(rawValue: name) else {
      throw AvatarError.styleUnknown(name: name)
    }
    self = style
  }

  /// Whether the style is of the plus tier.
  public var needsPlus: Bool { details.tier == .plus }
}
