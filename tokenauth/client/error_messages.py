"""What each code of the SDKs means for whoever sits at the command line, and what they do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenauth.client.exceptions import CorruptedEntryError, KeychainError, PowerAuthError, PowerAuthErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

_Code = PowerAuthErrorCode

ADVICE: Mapping[PowerAuthErrorCode, str] = {
    _Code.NETWORK_ERROR: (
        "The server was not reached, or its answer never came. Check the network and the address that was "
        "given as --url (`configure` changes it), and try again; where that server is gone for good, "
        "`remove --local`."
    ),
    _Code.AUTHENTICATION_ERROR: (
        "The server does not accept what this device signs: it is not active there, or the PIN is wrong. See "
        "`status` first, which tells these apart, and how many attempts are left."
    ),
    _Code.RESPONSE_ERROR: (
        "The server was reached, and does not do what it was asked. Check that --url is the address before "
        "its /pa/v3, and that devices have their URLs there; if so, ask its operator what is in the log."
    ),
    _Code.SIGNATURE_ERROR: (
        "Nothing can be signed with these factors. Use those that the activation was made with."
    ),
    _Code.INVALID_ACTIVATION_STATE: (
        "The activation is in a state that does not allow this. See `status`; to begin anew, `remove` the "
        "activation first, or name another --instance."
    ),
    _Code.INVALID_ACTIVATION_DATA: (
        "What is kept here is damaged, was written with another key, or is unknown to the server. Use the "
        "keychain, the key and the server that it is of; failing that, `remove --local`, and `activate` with "
        "a new code."
    ),
    _Code.MISSING_ACTIVATION: (
        "This instance was not activated, or was removed. Ask the server's operator for a code, and give it "
        "to `activate`; or name the instance that you mean with --instance."
    ),
    _Code.PENDING_ACTIVATION: (
        "The activation was begun, and has no PIN yet. Remove it with `remove --local`, and `activate` with "
        "a new code."
    ),
    _Code.OPERATION_CANCELED: (
        "It was stopped before it was done. Try again, once you have seen to what the first line says may be "
        "left over."
    ),
    _Code.INVALID_ACTIVATION_CODE: (
        "That is no activation code of this application. Type the four groups of five characters as they are "
        "shown, or ask for a new code."
    ),
    _Code.INVALID_TOKEN: (
        "No token of that name can be used. See `token list`; clear one that is damaged with "
        "`token remove NAME --local`, and request it again."
    ),
    _Code.INVALID_ENCRYPTOR: (
        "Nothing can be encrypted for this server. Check the public key in the configuration; if it is "
        "right, activate anew."
    ),
    _Code.ENCRYPTION_ERROR: (
        "What was sent or answered could not be encrypted or opened. Check that the configuration is of an "
        "application of this very server, and try again."
    ),
    _Code.WRONG_PARAMETER: (
        "Something that was given does not fit. Correct what the first line names, and try again."
    ),
    _Code.PROTOCOL_UPGRADE: (
        "The activation could not be moved to a newer version of the protocol. `remove` it, and activate "
        "anew."
    ),
    _Code.PENDING_PROTOCOL_UPGRADE: (
        "The activation is being moved to a newer version of the protocol. Wait a moment, and try again."
    ),
    _Code.TIME_SYNCHRONIZATION: (
        "A header has the server's time, and that could not be had. Check the network and that the server "
        "answers, and try again."
    ),
    _Code.INSTANCE_NOT_CONFIGURED: (
        "Which server and which application it is of is not known here. Give both to `activate`, or to "
        "`configure` where it is activated already; or name what you mean with --instance and --keychain."
    ),
    _Code.CANNOT_GENERATE_TOKEN: (
        "No header can be made of the token now. See `status`; if another activation has taken its place, "
        "request the token again."
    ),
    _Code.LOCAL_TOKEN_NOT_AVAILABLE: (
        "No token of that name is kept here. See `token list`, or make it with `token request`."
    ),
    _Code.EXTERNAL_PENDING_OPERATION: (
        "Another program is using this instance. Wait until it is done, or end it, and try again."
    ),
    _Code.PASSWORD_NOT_SET: (
        "An activation needs a PIN. Choose one at the terminal, or give it with --password-stdin."
    ),
    _Code.INVALID_NATIVE_OBJECT: (
        "Something was used after it was closed. Make it anew; from the command line, report it as a defect."
    ),
    _Code.INVALID_CHARACTER: (
        "There is a character in it that no code has. Type it again: A to Z, and 2 to 7."
    ),
    _Code.INVALID_RECOVERY_CODE: (
        "That is no recovery code, and none is taken here. Ask the server's operator for an activation code, "
        "and give it to `activate`."
    ),
    _Code.INSUFFICIENT_KEYCHAIN_PROTECTION: (
        "Other people on this machine can read the keychain. Take that right from them (chmod 600); if they "
        "may have read it, `remove` the activation, and activate anew."
    ),
    _Code.BIOMETRY_CANCEL: (
        "The question for a finger or a face was dismissed. Answer it the next time, or use the PIN."
    ),
    _Code.BIOMETRY_FALLBACK: "The PIN was chosen in place of a finger or a face. Give the PIN.",
    _Code.BIOMETRY_FAILED: "The finger or the face could not be asked for. Try again, or use the PIN.",
    _Code.BIOMETRY_LOCKOUT: (
        "There were too many wrong fingers or faces. Unlock the machine itself once, or use the PIN."
    ),
    _Code.BIOMETRY_NOT_AVAILABLE: (
        "The machine cannot ask for a finger or a face at the moment. Try again later, or use the PIN."
    ),
    _Code.BIOMETRY_NOT_CONFIGURED: (
        "The activation was made without a key of biometry. Use the PIN, or activate anew with such a key."
    ),
    _Code.BIOMETRY_NOT_ENROLLED: (
        "The machine knows no finger and no face yet. Add one in its settings, or use the PIN."
    ),
    _Code.BIOMETRY_NOT_RECOGNIZED: (
        "The finger or the face was not recognised, or its key is another. Try again, or use the PIN."
    ),
    _Code.BIOMETRY_NOT_SUPPORTED: "The machine has no reader of fingers or faces. Use the PIN.",
    _Code.WATCH_CONNECTIVITY: (
        "A watch could not be reached. Bring it near, and try again; nothing on the command line needs one."
    ),
    _Code.UNKNOWN_ERROR: (
        "It failed for a reason that has no code of its own. Try again; if it fails again, report it with "
        "the first line and the command."
    ),
}

# What a server means is more than that it refuses.
ADVICE_BY_SERVER_CODE: Mapping[str, str] = {
    "ERR_ACTIVATION": (
        "The server does not take the activation: its code was used before, has expired, or is of another "
        "application. Ask its operator for a new code."
    ),
    "ERR_ENCRYPTION": (
        "The server cannot open what this device has encrypted. Check that the configuration is of an "
        "application of this server, and of a release that is still supported there."
    ),
    "ERR_TEMPORARY_KEY": (
        "The server gives no key to encrypt for. Either the activation has ended there (see `status`), or "
        "the configuration is of no application of this server, or it does not speak version 3.3: then "
        "`configure` another --protocol-version."
    ),
}

# What a keychain refuses is of all that it holds, and not of one entry.
OF_KEYCHAINS: Mapping[PowerAuthErrorCode, str] = {
    _Code.UNKNOWN_ERROR: (
        "The keychain does not do what it was asked. Unlock it, or do what the first line says; where there "
        "is none, use a file: --keychain file."
    ),
    _Code.INVALID_ACTIVATION_DATA: (
        "It opens by the key that it was written with alone. Where a program has that, give it in "
        "TOKENAUTH_CLIENT_KEYCHAIN_KEY; where that is set, it is tried on this file as on any other. Failing "
        "that, move file and key away, and `activate` with a new code."
    ),
}
OF_AN_UNKNOWN_OUTCOME = "It may have been done all the same: look on the server before you try again."


def advice_on(error: PowerAuthError) -> str:
    """What ``error`` means, and what to do next."""
    if error.code is _Code.RESPONSE_ERROR and error.server_code in ADVICE_BY_SERVER_CODE:
        return ADVICE_BY_SERVER_CODE[error.server_code]
    cause = error.__cause__
    if error.code is _Code.CANNOT_GENERATE_TOKEN and isinstance(cause, PowerAuthError):
        return advice_on(cause)
    if isinstance(error, CorruptedEntryError):
        return ADVICE[_Code.INVALID_ACTIVATION_DATA]
    if isinstance(error, KeychainError):
        return OF_KEYCHAINS.get(error.code, ADVICE[error.code])
    return ADVICE[error.code]


def report_of(error: PowerAuthError) -> str:
    """``error`` as it is printed: what has failed, why, what to do next, and the code."""
    lines = [f"error: {error.message}"]
    cause = error.__cause__
    if isinstance(cause, PowerAuthError) and cause.message not in error.message:
        lines.append(f"because: {cause.message} ({cause.code})")
    lines.append(advice_on(error))
    if error.is_outcome_unknown:
        lines.append(OF_AN_UNKNOWN_OUTCOME)
    lines.append(f"code: {error.code}")
    return "\n".join(_printable(line) for line in lines)


def _printable(text: str) -> str:
    # Part of it may be a server's, or a name's: nothing of that is for the terminal to obey.
    one_line = " ".join(text.split())
    return "".join(character if character.isprintable() else "?" for character in one_line)
