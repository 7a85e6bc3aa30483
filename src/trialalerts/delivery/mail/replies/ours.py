"""The words that blame us or the message: they beat every code, and every word about the person.

Whoever is suppressed for a fault of ours is so silently and for ever; so a word about us is enough, wherever it stands
in the reason.
"""

from __future__ import annotations

import re

from trialalerts.delivery.mail.replies.rules import Rule, rule

__all__ = [
    "ABOUT_US",
    "ABOUT_US_BUT_FULL",
    "BLOCK_LISTS",
    "GREYLISTED",
    "MESSAGE",
    "OUR_NAME",
    "REFUSED_AT_ALL",
    "RELAYING",
    "SENDING_QUOTA",
    "is_sending_quota",
]

_BAD = (
    r"(?:refus|reject|invalid|unknown|not |n't |cannot|unresolv|unverif|verif|denied|deny|block|bann|fail"
    r"|disallow"
    r"|malformed|\bbad|suspend|forbidden|no such|unrout|null|black|prohibit|mismatch|spam|unable)"
)
_BLOCKED = (
    r"(?:block|bann|refus|reject|den(?:y|ied)|listed|blacklist|dynamic|suspicious|suspect|disallow"
    r"|prohibit|throttl"
    r"|deferred|limited|not (?:allowed|permitted|accept|authori|welcome|trusted|taken)|unauthori|untrusted"
    r"|bad\b)"
)
_SENDER = (
    r"(?:(?<!\bto )(?<!\bto the )(?<!the recipient and )\bsenders?\b|\bmail[ -]?from\b"
    r"|\benvelope[ -]?(?:from|sender)"
    r"|\bfrom (?:address|header\b|domain|field)|\breturn[ -]?path|\breverse[ -]?path|\boriginator"
    r"|\breturn address"
    r"|\babsender|\bexpediteur|\bremitente|\bremetente|\bmittente|送信者|发件人|寄件)"
)
_NOT_THEM = r"(?:(?!recipient|\busers?\b|\brcpt|mailbox|addressee|account|destination|empf|destinat).)"
_MAIL = r"(?:e-?mails?|mails?|messages?|connections?|traffic|service|smtp)"

GREYLISTED = rule("grey", "Postgrey, Exim, sqlgrey", r"gr[ea]y[ -]?list", r"postgrey", r"\blista gris", r"灰名单")

BLOCK_LISTS = rule(
    "us.list",
    "names of block lists and of reputation services; their providers' error pages",
    r"spamhaus|spamcop|barracuda ?(?:central|reputation)|b\.barracuda|\bsorbs\b|surbl|uribl|uceprotect"
    r"|abuseat|\bdnsbl"
    r"|\brbls?\b|\bpbl\b|\bsbl\b|\bxbl\b|\bcbl\b|\bzen\.|senderbase|senderscore|sender score|talosintel"
    r"|cloudmark"
    r"|trendmicro|mail-abuse|\bmaps\b.{0,10}list|mailspike|abusix|spfbl|invaluement|njabl|\bpsbl|nixspam"
    r"|backscatter"
    r"|lashback|ivmsip|hostkarma|junkemailfilter|gbudb|\bahbl\b|manitu|spamrats|dnswl|brightmail|ironport\b"
    r"|spameatingmonkey|kundenserver\.de/blacklist",
    r"(?:black|block|deny|bl)[ -]?list|\bblackhole|\bbl(?:oc)?klist|liste noire|lista (?:negra|nera)"
    r"|schwarze liste|黑名单|ブラックリスト",
    r"\[tss?\d{2}\]|\[bl\d{2}\]|\baup#|\b(?:bl|rl|es)\d{6}\b|\bib\d{3}\b|\b(?:cxbl|cdrbl|cxsnd|ipbl\d)"
    r"|\b(?:rly|con|hvu|dyn|dns):[a-z]\d\b|\bs3(?:14|15|11|77)\d\b|\blpn\d{3}_\d",
    r"(?:§i|§h|\bip\b|\bhost\b|\bdomain\b|\bclient\b|\bserver\b)(?:(?!\bnot\b"
    r"|n't).){0,40}(?<!not )(?<!n't )(?<!un)\blisted\b"
    r"(?! (?:as )?(?:a )?(?:user|recipient|member))",
)

ABOUT_US: tuple[Rule, ...] = (
    rule(
        "us.reputation",
        "Yahoo, AOL, T-Online, Comcast, Exchange Online, Google; the second person is always us",
        r"\breputation|\bsender ?score|réputation|reputacion|reputacao|reputazione|信誉",
        r"\byour (?:(?:mail|email|e-mail|sending|smtp|originating|outgoing|ip|dns|domain'?s?|host|own"
        r"|company'?s?|source"
        r"|current|remote|isp'?s?) ){0,2}(?:servers?|ip|ips|host|hostname|domain|domains|isp|provider|network"
        r"|address range|mta|mx"
        r"|connection|machine|computer|system|organi[sz]ation|subnet|ip address|account|sending|prefix|netblock)\b",
        r"§i.{0,60}" + _BLOCKED,
        r"\b(?:no|not|never|any|refus\w{0,4}|reject\w{0,4}|block\w{0,4}|den(?:y|ied)|bann?\w{0,4}|defer\w{0,4}"
        r"|limit\w{0,4}"
        r"|many|suspic\w{0,6}|bad|poor|rate|take|accept\w{0,4})\b.{0,40}\b"
        + _MAIL
        + r".{0,20}\b(?:from|for|by|of)\b.{0,12}§i",
        r"\b" + _MAIL + r".{0,20}\bfrom\b.{0,12}§i.{0,40}\b(?:not|no longer|never)\b",
        r"(?:blocked|banned|refused|denied|rejected) \W{0,3}(?:\(|by ip|ip\b|\[?§i)",
        r"(?:client|sending|remote|originating|source|connecting|sender|host|mail|smtp) (?:host|ip|ips|server"
        r"|network|domain|mta|machine|relay"
        r"|address)s?(?: name| address| addresses|'s)?.{0,40}" + _BLOCKED,
        r"(?<!recipient )(?<!recipient's )(?<!destination )(?<!target )\b(?:ip|ips|client|network|isp|provider"
        r"|subnet|netblock|range|country"
        r"|host|domain|address space|server)\b(?: address| addresses| range| name)?(?: is| are| was| has been"
        r"| have been|'s| temporarily| currently"
        r"| permanently| not| no| in| on| at| by| this| our){0,4} "
        r"(?:block|bann|suspicious|suspect|disallow|blacklist|dynamic|untrusted|allowed|permitted|welcome)",
        r"\b(?:block|bann?)(?:ed|ing)\b.{0,30}\b(?:ip|network|host|domain|country|range|client|server|isp"
        r"|provider)\b",
        r"\bdynamic (?:ip|address|range|space|pool|host|addresses)|\bdial-?up\b|\bresidential\b|\bpool (?:ip"
        r"|address)",
        r"\babus(?:e|ive|ing)\b|\bcomplaints?\b|\bmisbehav|\bbad (?:client|host|server|neighbou?r)|\battack",
        r"\bip ?= ?§i|\bno smtp service|\bno service for|\bgo away\b|\bdisconnected your|\bwe (?:do not|don't|will not"
        r"|won't) (?:want|take|accept) mail from",
        r"\byou(?:'re| are| have been) (?:\w{1,12} ){0,2}(?:block|bann|denied|refus|listed|limited|suspend)"
        r"|\byour access\b",
    ),
    rule(
        "us.auth",
        "RFC 7208, 7372, 7489; Gmail, Yahoo, Exchange Online; Postfix's client restrictions",
        r"\bspf\b|\bsender policy framework|\bdkim\b|\bdmarc\b|\bdomainkeys?\b|\barc\b.{0,12}(?:seal|chain"
        r"|fail|valid|set)|\bsender[ -]?id\b",
        r"authenticat|not (?:properly )?signed|\bauthentifi|\bautentica|\bauthentisier|认证|認証",
        r"reverse[ -]?(?:dns|look|record|name|map|host|resol|path map|entr|zone)|\brdns\b|\bptrs?\b|fcrdns"
        r"|in-addr|\biprev\b|inverse (?:dns|res|look)"
        r"|reverse-?mapping|\brev[ -]?dns",
        r"\b(?:helo|ehlo|lhlo)\b|\bgreeting\b|\bhello name",
        r"\bno (?:valid )?(?:a|mx|aaaa|dns)(?:[ ,/]{1,3}(?:or |nor |and )?(?:a|mx"
        r"|aaaa)\b)?(?: resource)? records?|\bmissing (?:a|mx) record",
        r"(?:hostname|host name|client name|client host|client|§i).{0,40}(?:not|cannot|n't|fail\w*|unable to"
        r"|no) .{0,20}(?:resolv|match|be found|hostname)",
        r"(?:cannot|can't|could not|couldn't|unable to|not) (?:find|resolve|verify|determine) your\b"
        r"|\byour .{0,40}(?:not|cannot|n't) .{0,20}resolv",
        r"\b(?:must|need to|should|has to) (?:first )?(?:issue|use|offer|speak) .{0,20}(?:tls|ssl|encrypt)"
        r"|(?:start)?tls (?:is |session |connection )?(?:required|needed|first)"
        r"|\brequires? (?:a )?(?:tls|encryption|secure (?:connection|session))|encryption (?:is )?(?:required"
        r"|needed|too weak)|unencrypted",
        r"\binvalid ip\b|\bno dns entry|\bdns (?:check|validation|verification) (?:of .{0,20})?fail"
        r"|\bbogus (?:host|name|helo)|\bmust (?:log ?in|login)",
        r"\b(?:bad|invalid|incorrect|broken|missing) dns\b|域名解析",
    ),
    rule(
        "us.sender",
        "Exim's sender verify, Postfix's reject_unknown_sender_domain, Cox, Charter, SES, Exchange Online",
        _SENDER + _NOT_THEM + r"{0,60}?" + _BAD,
        r"(?:bad|invalid|unknown|unverified|unresolv\w{0,5}|refused|rejected|blocked|forged|spoofed|null|empty"
        r"|unauthori[sz]ed|no such|illegal|fake|missing"
        r"|suspicious|malformed|denied|prohibited|verify|verification of|unacceptable|disallowed|banned"
        r"|nonexistent|non-existent|unroutable|unrouteable"
        r"|verify the|unqualified|restricted|unwanted) (?:of |the |envelope |your |from |mail )?" + _SENDER,
        r"(?<!recipient )(?<!address )verification failed for|(?<!recipient )\bverify failed|\bsender.?verif"
        r"|\bcall-?(?:out|back)(?! to recipient)|(?<!recipient )\bverification failed",
        r"\bforge|\bspoof|\bimpersonat|\bidentit(?:y|ies) (?:failed|not|is not|are not)|\b(?:address|identity"
        r"|domain) (?:is |has )?not (?:been )?verified",
        r"\bdomain of sender|\bnull (?:return|reverse)|\bbounces? (?:are )?not accepted|\bbackscatter"
        r"|\bnot from (?:a )?(?:valid|bounce)",
    ),
)

_RATE = (
    r"(?:rate|sending|daily|hourly|submission|submit|outgoing|outbound|delivery|connection|smtp"
    r"|per[ -](?:hour|day|minute)|messages?|mails?|recipients?|volume)"
)

SENDING_QUOTA = rule(
    "us.rate",
    "Exchange Online, Gmail, relays: a quota of the sender, not of the mailbox",
    r"\b(?:sending|submission|submit\w*|outgoing|outbound|daily|hourly|sender|sent|rate|per[ -](?:hour|day"
    r"|minute)|relay|connection|smtp)\b.{0,30}\b(?:quota|limit|exceed|used up)",
    r"\b(?:quota|limit|exceed\w{0,4})\b.{0,40}\b(?:sending|submission|sender|per[ -](?:hour|day|minute)"
    r"|an hour|a day|today|messages sent|outgoing|relay|connections?|plan)\b",
    r"\bhas exceeded (?:its|the|your) max (?:emails?|defers)",
)

ABOUT_US_BUT_FULL: tuple[Rule, ...] = (
    rule(
        "us.rate",
        "Gmail 4.7.28, Yahoo, Orange, Exchange Online 5.1.90, cPanel",
        r"\btoo many\b(?! ?(?:mail )?hops| received| forward)|\btoo much (?:mail|email|traffic)",
        r"\b" + _RATE + r"[ -](?:rate[ -])?(?:limit|quota|cap|threshold)|\brates?\b.{0,30}(?:exceed|too high|limit)"
        r"|\blimit.{0,30}\brate\b",
        r"\bthrottl|\bexcessive|\bunusual (?:rate|amount|volume|traffic|number|activity)|\bslow(?:ing)? down"
        r"|\btoo (?:fast|quick|quickly|frequent|frequently|often)\b",
        r"\bconnections? .{0,30}(?:exceed|limit|refused for)|exceed\w{0,4}.{0,40}\b(?:connections|messages"
        r"|e-?mails|mails|recipients|rate|sessions)\b|\breceiving (?:mail|messages|email) .{0,30}(?:rate|quick"
        r"|fast)",
        r"\bflood|\bhigh volume|\bvolume of|\b(?:number|limit|amount|maximum) of (?:recipients|messages"
        r"|e-?mails|mails|connections|sessions)|\bused up|\bpackage quota",
        r"\b(?:daily|hourly|sending) .{0,30}\b(?:limit|quota|maximum)|\bresources? (?:restricted|temporarily)"
        r"|\btarpit|\bsuspicious activity",
        r"\bzu (?:viele|schnell|haufig)\b|\btrop de (?:connexion|message|mail|courri|destinataire)"
        r"|\bdemasiad[oa]s|\bmuitas (?:mensagens|conexoes)|\btropp[ie] (?:messaggi|connessioni)|\bteveel"
        r"|\bza duzo",
        r"频率|頻率|过于频繁|过多|流量|短時間|大量|接続数|レート",
    ),
    rule(
        "us.content",
        "Exim with SpamAssassin, Exchange Online, Mimecast, Barracuda, Proofpoint",
        r"\b(?:anti[ -]?)?spam|\bjunk\b|\bunsolicited|\bunwanted|\bbulk\b|\bphish|\bmalicious|\bsuspicious"
        r"|\bscam\b|\bfraud|\b(?:ube|uce)\b|\bmarketing mail",
        r"\b(?:content|contents|urls?|links?|subject|body|words?|phrases?)\b.{0,40}(?:reject|block|filter"
        r"|forbid|prohibit|refus|denied|not accept|unaccept|not allow|disallow|restrict|policy|banned|violat"
        r"|inappropriate|objection)",
        r"\b(?:reject|block|filter|forbidden|prohibited|refus|banned|objectionable|inappropriate|unacceptable"
        r"|disallowed)\w{0,4}.{0,20}\b(?:content|urls?|links?|words?|phrases?|subject)\b",
        r"\bscor(?:ed|ing)\b|\bscore (?:of|is|too)|\bsecurity reasons?|\bconsidered (?:as )?harmful"
        r"|\blooks like|\bheuristic|\bfilter(?:ed|s|ing)? (?:by|rule|out|message)|\bcontent[ -]?(?:filter"
        r"|restrict|scan)|\bfingerprint|\bblocked by (?:our |the |a )?(?:\w{1,20} )?filter",
        r"\bunerwue?nscht|\bwerbung\b|\bwerbemail|\bindesirable|\bpourriel|\bno desead|\bcorreo basura"
        r"|\bindesejad|\bindesiderat|\bongewenst|\bniechcian|нежелательн|спам|\bspam",
        r"\bdt:spm|垃圾|迷惑メール|スパム|反垃圾|廣告|広告|스팸",
    ),
    rule(
        "us.policy",
        "Exim, Postfix, qmail, Exchange Online's restricted groups, Google Groups",
        r"\bpolic(?:y|ies)\b|\bprohibit|\bden(?:ied|y|ies)\b|\bnot (?:allowed|authori[sz]ed|permitted"
        r"|entitled)\b|\bunauthori[sz]ed|\bforbidden|\bdisallowed|\bnot on (?:the |our )?(?:allow|white|safe)",
        r"\brelaying\b|\b(?:open )?relay access|\b(?:not|unable to|cannot|can't|won't|don't|no|refuse to"
        r"|will not) (?:\w{1,10} )?relay|\brelay (?:is |was )?(?:not|denied|refused|prohibited|forbidden"
        r"|restricted)|\brcpthosts\b",
        r"\bonly .{0,40}\b(?:members?|internal|owners?|subscribers?|employees|senders|moderators?|users in"
        r"|people in|known|trusted|local)\b|\bmembers? only\b|\brestricted\b|\bmoderat(?:ed|or|ion)\b",
        r"\b(?:no|lack|lacks|not have|n't have|without|sufficient|insufficient|proper|the) (?:the |any "
        r"|enough |sufficient |necessary |required )?permissions?\b|\bpermission to (?:post|send|write"
        r"|deliver)|\bwhite ?list|\ballow ?list",
        r"\b(?:country|countries|region)\b|\b(?:not|isn't) (?:a |an )?(?:local|hosted|authoritative"
        r"|accepted) domain|\bdomain (?:is )?not (?:handled|hosted|served|local|accepted)|\bnot (?:accepting"
        r"|accept|take|taking) (?:mail|messages|e-?mail)s? (?:from|for (?:this|that) domain)",
    ),
)

REFUSED_AT_ALL = rule(
    "us.refused",
    "the message, not the address, is refused; asked only where nobody says that there is no such person",
    r"\b(?:message|messages|mail|mails|e-?mail|emails|content|delivery|service|submission"
    r"|transmission)(?: content| contents| delivery| body)?"
    r"(?: was| were| has been| have been| is| not| permanently| temporarily){0,3} (?:refused|rejected"
    r"|blocked|denied|declined|bounced|disallowed|accepted for)",
    r"\b(?:refus|reject|block|declin)(?:ed|ing|e)? (?:your |the |this |incoming )?(?:message|mail|e-?mail"
    r"|connection|service)",
    r"\bblocked\b|\bbanned\b|\bunacceptable\b|\brejected (?:by|due|because|for|as)\b",
    r"\babgelehnt|\babgewiesen|\bverweigert|\bgesperrt|\bberechtig|\bgeblockt|\bblockiert"
    r"|\bnicht (?:erlaubt|gestattet|zugelassen|angenommen|akzeptiert)|\bannahme",
    r"(?:mail|message|messages|service|courriel|courrier|expediteur|acces|connexion|client).{0,20}(?:refus"
    r"|rejet|bloque|interdit)|\bautorisation|\bnon autoris",
    r"\brechazad|\bpermiso|\bdenegad|\bprohibid|\bno autorizad|\bbloquead|\brejeitad|\bpermissao|\bnegad"
    r"|\bnao autorizad|\brecusad|\brifiutat|\bnegato|\bbloccat|\bnon autorizzat",
    r"\bgeweigerd|\bgeblokkeerd|\bafvist|\bavvisad|\bodrzucon|\bzablokowan|отклонен|отказано|заблокирован"
    r"|запрещен|\bodmitnut|\breddedil|\bengellen",
    r"受信拒否|拒否|拒絶|権限|許可されて|拒收|拒绝|拒絕|被拒|退信|权限|權限|禁止|거부|차단|권한",
)

MESSAGE: tuple[Rule, ...] = (
    rule(
        "msg.virus",
        "ClamAV behind Exim and Postfix, Exchange Online, Gmail",
        r"\bvirus|\bmalware|\binfected|\btrojan|\bworm\b|病毒|ウイルス|ウィルス|вирус",
        r"\battachments?\b.{0,40}(?:not|block|refus|reject|forbid|disallow|prohibit|ban|den|unaccept|illegal"
        r"|danger)|\b(?:forbidden|prohibited|blocked|illegal|dangerous|executable|banned|restricted|disallowed"
        r"|encrypted)\b.{0,20}\b(?:attachment|files?|extension|archive)",
    ),
    rule(
        "msg.size",
        "RFC 1870; all servers",
        r"\b(?:message|mail|e-?mail|size|length|attachment|content|data|body|it)\b.{0,40}\btoo (?:large|big)"
        r"|\btoo (?:large|big)\b|(?<!queue )(?<!taking )(?<!took )\btoo long\b|\bover ?sized?\b",
        r"\b(?:message|mail|e-?mail)\b.{0,40}\bexceed|\bexceed\w{0,4}\b.{0,40}\b(?:size|length|maximum|fixed)"
        r"|\b(?:size|length)\b.{0,30}\b(?:exceed|limit|maximum|larger|greater|bigger)|\b(?:larger|longer"
        r"|bigger|greater) than\b|\bmaximum (?:message |mail )?(?:size|length)|\bmessage size\b",
        r"\bzu gro(?:ss|ß)\b|\btrop (?:grand|gros|volumineu|long)|\bdemasiado grande|\bmuito grande"
        r"|\btroppo grande|\bte groot|\bzbyt duz|слишком больш|サイズ|超过大小|邮件过大|太大|too heavy",
    ),
    rule(
        "msg.form",
        "RFC 5322, 2045; Sendmail, Exim's header checks, Gmail",
        r"\bmime\b|\bbare (?:lf|cr|line ?feeds?|newlines?|carriage)|\blines? (?:is |are |was "
        r"|length )?(?:too long|longer|exceed)|\b8[ -]?bit\b|\bnon-?ascii|\brfc[ -]?(?:2?[58]22|2822|5322)\b"
        r"|\bnot rfc|\bunencoded",
        r"\b(?:missing|duplicate|double|invalid|bad|malformed|multiple|two|several|no|illegal|broken|improper"
        r"|wrong)\b.{0,20}\bheaders?\b|\bheaders?\b.{0,30}(?:missing|duplicate|invalid|\bbad|malformed|not|too"
        r"|illegal|syntax|more than)|\bsyntactically invalid|\bmalformed (?:message|mail|content)|\b(?:message"
        r"|content) (?:is )?malformed|\bmessage[ -]?id\b.{0,20}(?:missing|invalid|duplicate)",
    ),
)


OUR_NAME = re.compile(r"reput|score|block|bann|blacklist|abus|complain|dynamic|dial|residential|attack")
"""What of the words about our machine is about its name rather than about how much it sends."""
RELAYING = re.compile(r"relay|rcpthosts")
"""Who may not relay is not logged in, or asks the wrong server: that is set up, not allowed."""


def is_sending_quota(text: str) -> re.Match[str] | None:
    """Return where a text speaks of a quota of the sender, not of the mailbox."""
    return SENDING_QUOTA.pattern.search(text)
