import AvatarStudio
import Foundation

let usage = """
  usage: avatar-example [options] SELFIE.png…

  Draws avatars of the person in 1 to 10 selfies and writes labelled PNG files.

    --style NAME   how they are drawn (default: the first style)
    --count N      how many (default: 1); several get numbers: me-1.png, me-2.png
    --seed N       0 to 2^64 - 1 (default: 0); the same seed gives the same avatar
    --steps N      sampling steps (default: the model's own)
    --out FILE     where to write (default: avatar.png)
    --model FOLDER the model's folder (default: the one in the package)
    --plus         the user has bought Plus
    --fake         no model at all: coloured pictures at once
    --check        only say what is wrong with the selfies
    --styles       list the styles
    --help         this text
  """

/// What the command line asks for.
struct Arguments {
  struct Wrong: Error { let message: String }

  var selfies: [String] = []
  var style = AvatarStyle.allCases.first?.rawValue ?? ""
  var count = 1
  var seed: UInt64 = 0
  var steps: Int?
  var out = "avatar.png"
  var model: String?
  var flags: Set<String> = []

  private static let flags: Set = ["--plus", "--fake", "--check", "--styles", "--help"]

  init(_ words: [String]) throws(Wrong) {
    var rest = words[...]
    while let word = rest.popFirst() {
      if Self.flags.contains(word) {
        flags.insert(word)
      } else if word.hasPrefix("--") {
        guard let value = rest.popFirst() else { throw Wrong(message: "\(word) needs a value") }
        try set(word, value)
      } else {
        selfies.append(word)
      }
    }
  }

  private mutating func set(_ name: String, _ value: String) throws(Wrong) {
    switch name {
    case "--style": style = value
    case "--out": out = value
    case "--model": model = value
    case "--count": count = try number(name, value)
    case "--seed": seed = try number(name, value)
    case "--steps": steps = try number(name, value) as Int
    default: throw Wrong(message: "there is no option \(name); try --help")
    }
  }

  private func number<Number: FixedWidthInteger>(
    _ name: String, _ value: String
  ) throws(Wrong) -> Number {
    guard let number = Number(value) else {
      throw Wrong(message: "\(name) is \(value), expected a whole number")
    }
    return number
  }

  /// `me.png`, or `me-1.png`, `me-2.png`, … when there are several.
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
