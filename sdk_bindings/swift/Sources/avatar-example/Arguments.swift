import AvatarStudio
import Foundation

let usage = """
  usage: avatar-example [options] SELFIE.png…

  Draws avatars of the person in 1 to \(Manifest.bundled.maxSelfies) selfies and writes labelled PNG files.

    --style NAME   the style of the avatars (default: the first style)
    --count N      the number of avatars (default: 1); several files are numbered: me-1.png, me-2.png
    --seed N       the seed of the first avatar, 0 to 2^64 - 1 (default: 0); the same seed draws the
                   same avatar
    --steps N      the number of sampling steps (default: the model's own number)
    --out FILE     the file to write (default: avatar.png)
    --model FOLDER the folder of the model (default: the one in the package)
    --plus         the user is entitled to Plus styles
    --fake         use no model and draw test pictures
    --check        check the selfies and draw nothing
    --styles       list the styles
    --help         show this text
  """

/// The parsed command line.
struct Arguments {
  /// A command line that cannot be parsed.
  struct UsageError: Error { let message: String }

  var selfies: [String] = []
  var style = AvatarStyle.allCases.first?.rawValue ?? ""
  var count = 1
  var seed: UInt64 = 0
  var steps: Int?
  var out = "avatar.png"
  var model: String?
  var flags: Set<String> = []

  private static let flags: Set = ["--plus", "--fake", "--check", "--styles", "--help"]

  init(_ words: [String]) throws(UsageError) {
    var rest = words[...]
    while let word = rest.popFirst() {
      if Self.flags.contains(word) {
        flags.insert(word)
      } else if word.hasPrefix("--") {
        guard let value = rest.popFirst() else {
          throw UsageError(message: "\(word) needs a value")
        }
        try set(word, value)
      } else {
        selfies.append(word)
      }
    }
  }

  private mutating func set(_ name: String, _ value: String) throws(UsageError) {
    switch name {
    case "--style": style = value
    case "--out": out = value
    case "--model": model = value
    case "--count": count = try number(name, value)
    case "--seed": seed = try number(name, value)
    case "--steps": steps = try number(name, value) as Int
    default: throw UsageError(message: "there is no option \(name); try --help")
    }
  }

  private func number<Number: FixedWidthInteger>(
    _ name: String, _ value: String
  ) throws(UsageError) -> Number {
    guard let number = Number(value) else {
      throw UsageError(message: "\(name) is \(value), expected a whole number")
    }
    return number
  }

  /// Returns the file for the avatar with this index: `me.png`, or `me-1.png`, `me-2.png`, … if
  /// there are several.
  func file(_ index: Int) -> URL {
    let url = URL(fileURLWithPath: out)
    guard count > 1 else { return url }
    let number = String(index + 1)
    let zeros = String(repeating: "0", count: String(count).count - number.count)
    let stem = url.deletingPathExtension().lastPathComponent
    return url.deletingLastPathComponent()
      .appendingPathComponent("\(stem)-\(zeros)\(number).\(url.pathExtension)")
  }
}
