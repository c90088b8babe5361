/// The facts that the manifest holds about a style.
public struct StyleDetails: Sendable, Equatable {
  /// The index of the style, which is the denoiser's input `style`.
  public let index: Int
  /// The name to show to people.
  public let title: String
  /// The tier that a user needs for it.
  public let tier: Tier
  /// The licence of the works that the model learnt the style from.
  public let licence: String
  /// The address of the licence's text, or empty.
  public let licenceURL: String
  /// The author of the works.
  public let creator: String
  /// The address of the author's page, or empty.
  public let creatorURL: String
  /// The title of the works, or empty if the style is not after certain works.
  public let source: String
  /// The address of the works, or empty.
  public let sourceURL: String

  /// A line for the app's credits. Licences such as CC BY 4.0 require it.
  public var credit: String {
    let work = source.isEmpty ? title : "“\(source)”"
    let author = creator.isEmpty ? "" : " by \(creator)"
    let terms = [licence, licenceURL.isEmpty ? "" : "(\(licenceURL))"].filter { !$0.isEmpty }
    let parts = [work + author, terms.joined(separator: " ")].filter { !$0.isEmpty }
    return (parts + (source.isEmpty ? [] : ["remixed by a neural network"])).joined(separator: ", ")
  }
}

extension AvatarStyle {
  /// Creates the style with the name that the manifest gives it, such as `"open-peeps"`.
  ///
  /// Throws `AvatarError.styleUnknown` if this model has no such style.
  public init(named name: String) throws(AvatarError) {
    guard let style = AvatarStyle(rawValue: name) else {
      throw AvatarError.styleUnknown(name: name)
    }
    self = style
  }

  /// True if the style is of the Plus tier.
  public var needsPlus: Bool { details.tier == .plus }
}
