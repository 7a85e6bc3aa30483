"""The words about the person's mailbox: full, disabled, their own choice, nobody there; and what forbids to conclude.

Written as ideas, in the languages that we have seen; nothing here is believed while a word about us stands beside it.
"""

from __future__ import annotations

from trialalerts.delivery.mail.replies.rules import Rule, rule

__all__ = ["CHOICE", "DISABLED", "FULL", "HEDGED", "NEUTRAL_MAILBOX", "NOBODY", "ON_THE_ACCOUNT", "TIME", "TRY_LATER"]

_WHO = (
    r"(?:users?(?:name)?|user ?id|recipients?|recip|rcpt|mail ?box(?:es)?|mail-box|accounts?|addressees?"
    r"|address(?:es)?|alias(?:es)?"
    r"|e-?mail(?: account| id| box)?|inbox|local[ -]?part|person|customer|subscriber|member|people"
    r"|maildrop|mailing list|group|login|logon)"
)
_KIND = (
    r"(?:local |virtual |destination |remote |e-?mail |mail |valid |known |active |final |intended "
    r"|target |smtp |matching |domain |specified |such |given |foreign )"
)
_BOX = (
    r"(?:mail ?box(?:es)?|mail-box|inbox|account|user|recipient|addressee|storage|quota|disk|folder"
    r"|maildrop|mail ?store|customer|domain|spool|mail ?folder|mailfolder)"
)

FULL = rule(
    "full",
    "RFC 3463 x.2.2; Dovecot, Exchange, Courier, qmail, Gmail, web.de",
    r"\b"
    + _BOX
    + r"\b.{0,40}(?:\bfull\b|over ?quota|over[ -]?(?:the |its |his |their |allocated |disk )?(?:quota|limit"
    r"|size|capacity|storage)|\bexceed|exhaust|out of|no space|\boverflow|insufficient|too (?:big|large"
    r"|full|many messages)|limit (?:is )?reached)",
    r"\bover ?-?quota|\bquota\b|\bexceed\w{0,4}\b.{0,30}\b(?:storage|space|disk|allotted|mailbox)"
    r"|\bout of (?:storage|disk|space|room|e-?mail storage)|\b(?:no|not enough|insufficient|low on|lack of"
    r"|without)\b (?:more |enough |sufficient |available |free |disk |mail |mailbox |storage "
    r"|system ){0,2}(?:space|storage|room)\b",
    r"\b(?:disk|mail ?drop|storage) (?:is )?full|\bfull (?:mail ?box|inbox|account)|\b(?:mail ?box|inbox"
    r"|storage|account) (?:size )?limit\b|\bmail ?box(?:es)? (?:is |are )?(?:currently |too )?(?:full"
    r"|large|big)|\btoo (?:many messages|much mail) (?:in|on)\b",
    r"\bpostfach.{0,30}(?:voll|(?:ue?)berfue?llt|erschoe?pft|kein platz)|\bpostfach ist .{0,10}voll"
    r"|\bspeicher(?:platz|kapazitat)|\bkontingent|\bquote? ue?berschritten",
    r"\bboite.{0,40}(?:pleine|saturee)|\bsaturee?\b|\bquota (?:depasse|atteint)"
    r"|\bespace (?:disque )?insuffisant|\bpleine\b",
    r"\bbuzon.{0,40}\blleno|\blleno\b|\bllena\b|\bcuota\b.{0,20}(?:exced|super|agotad)|\bsin espacio"
    r"|\bcaixa.{0,40}cheia|\bcheia\b|\bcota\b.{0,20}(?:exced|ultrapass|esgotad)|\bespaco insuficiente"
    r"|\bsem espaco",
    r"\bcasella.{0,30}piena|\bpiena\b|\bspazio (?:esaurito|insufficiente)|\bpostvak.{0,20}vol\b"
    r"|\bskrzynka.{0,30}(?:pelna|przepelnion)|переполнен|\bfuld\b|\bfullt?\b.{0,10}(?:brevlada|postkasse)"
    r"|\bkutusu dolu|квот",
    r"容量超過|容量が|容量オーバー|いっぱい|満杯|一杯|空间不足|空間不足|已满|已滿|容量不足|超出容量|용량 ?초과|가득",
)

CHOICE = rule(
    "choice",
    "Cox, Comcast, Japanese carriers: the person's own filter",
    r"\b(?:recipient|user|customer|addressee|subscriber|owner|member)(?:'?s)?'? (?:own |personal |mail "
    r"|spam |e-?mail |account |mailbox )?(?:preferences?|settings?|choice|filters?|rules?"
    r"|configuration|options?)\b",
    r"\b(?:refused|rejected|blocked|declined|denied|filtered|discarded)\b.{0,20}\b(?:by|at the request of"
    r"|on behalf of) (?:the |this |its )?(?:user|recipient|customer|addressee|owner|mailbox owner|receiver"
    r"|account)\b(?!'?s? (?:domain|server|system|mail|host|policy|org))",
    r"\b(?:recipient|user|addressee|customer)\b.{0,20}\b(?:has |is |does )?(?:refus|reject|declin"
    r"|block)\w{0,4} (?:to )?(?:receive |accept |your |the |this |all )?(?:mail|e-?mail|message|sender)"
    r"|\bdoes not (?:want|wish) (?:to )?(?:receive|get|your)|\bpersonal (?:block|deny|filter)",
    r"\bopted out\b|\bindividual(?:ly)? (?:blocked|filter)|受信拒否設定|ドメイン指定|指定受信|フィルタ",
)

DISABLED = rule(
    "disabled",
    "Yahoo 554.30, Gmail 5.2.1, AOL, Sendmail, web.de",
    r"\b" + _WHO + r"\b.{0,40}(?:\bdisabled|\binactive|\bsuspen|\blocked\b|\bfrozen|\bon hold|\bexpired?\b|\bdormant"
    r"|\bnot (?:been )?(?:active|activated|enabled|yet active)|\bdeactivat|\bde-activat"
    r"|\bno longer (?:active|available|accept|receiv)|\bbarred|\bnot (?:currently |presently )?(?:accept"
    r"|receiv|allowed to receive|able to receive|permitted to receive|tak(?:e|ing)))",
    r"\b(?:disabled|inactive|suspended|locked|frozen|expired|dormant|deactivated|blocked"
    r"|idle) (?:mail ?box|account|user|recipient|address|e-?mail)",
    r"\b(?:not|n't|no longer) (?:currently |presently |be )?(?:accept|receiv)\w{0,3} (?:any |new |your "
    r"|more |incoming )?(?:mail|message|e-?mail)s?\b(?! from)|\binactive\b|\baccount (?:is |was "
    r"|has been )?(?:temporarily )?(?:closed temporarily|unavailable due)|\bmailbox is (?:in"
    r"|under) maintenance|\bvacation hold",
    r"\b(?:konto|postfach|benutzer|mailbox|account|empfae?nger|adresse)\b.{0,30}(?:gesperrt|deaktiviert"
    r"|inaktiv|stillgelegt|eingefroren|nicht aktiv)",
    r"\b(?:compte|boite|utilisateur|destinataire|adresse)\b.{0,40}(?:desactiv|suspend|inacti|bloque"
    r"|verrouill)|\b(?:cuenta|buzon|usuario|conta|caixa|utente|casella|utilizador)\b.{0,40}(?:desactivad"
    r"|desativad|deshabilitad|suspendid|suspens|inactiv|inativ|bloquead|disabilitat|sospes|disattivat)",
    r"заблокирован[ао]? ?(?:пользовател|ящик)|(?:ящик|пользовател\w{0,3}|аккаунт).{0,30}(?:заблокирован"
    r"|отключен|неактив)|账号被(?:冻结|锁定|禁用)|帐号被|(?:用户|邮箱).{0,4}(?:冻结|锁定|禁用|停用)|停止中|休止|利用停止|정지",
)

ON_THE_ACCOUNT = rule(
    "gone.account",
    "Yahoo: a sentence on the account stands even as the answer to the end of DATA",
    r"\b(?:does not|doesn't|do not|don't|has|have) (?:have )?(?:an?|no) (?:valid |active |e-?mail |mail "
    r"|§h |\w{1,20}\.?\w{0,5} ){0,3}(?:account|mail ?box)|\bno (?:such )?account (?:here|by|with|found|for"
    r"|of|named)",
)

NOBODY: tuple[Rule, ...] = (
    ON_THE_ACCOUNT,
    rule(
        "gone.unknown",
        "Postfix, Sendmail, Lotus Domino; RFC 3463 x.1.1",
        r"\b" + _WHO + r"\b\W{0,6}(?:§[ah]\W{0,6})?(?:is |was |are |name |account |address |id "
        r"|currently )?(?:an? )?(?:unknown|unkown|unknow\b|not known|unrecogni[sz]ed)",
        r"\bunk(?:n)?own(?:ed)? "
        + _KIND
        + r"{0,2}(?:user|recipient|mail ?box|account|address|addressee|alias|person|rcpt|login)",
        r"\b(?:empfae?nger|benutzer|adressat|adresse|postfach|nutzer|teilnehmer)\w{0,8}\b.{0,30}(?:unbekannt"
        r"|nicht bekannt)|\bunbekannte[rsmn]? (?:empfae?nger|benutzer|adresse|adressat|nutzer)",
        r"\b(?:utilisateur|destinataire|adresse|compte|usager|boite)\b.{0,30}inconnu|\b(?:usuario|destinatario"
        r"|direccion|cuenta|buzon|utilizador|utente|indirizzo|casella)\b.{0,30}(?:desconocid|desconhecid"
        r"|sconosciut)|\binconnu(?:e)? (?:a|chez|sur)\b",
        r"\b(?:destinataire|utilisateur) inconnu|\bonbekende? (?:gebruiker|ontvanger)"
        r"|\bgebruiker.{0,20}onbekend|\bukjent (?:bruker|mottaker)|\bokand (?:anvandare|mottagare)"
        r"|\bukendt (?:bruger|modtager)|\bnieznany (?:uzytkownik|odbiorca|adres)"
        r"|неизвестн\w{0,3} (?:пользовател|получател|адрес)|\bneznam[yi] (?:uzivatel|prijemce)|\bbilinmeyen",
        r"宛先不明|宛先が?不明|あて先不明|不明な(?:ユーザ|宛先)|未知用户|未知的收件人|알 ?수 ?없는",
    ),
    rule(
        "gone.nosuch",
        "Exim, qmail, CommuniGate, Gmail's link p=NoSuchUser",
        r"\bno such " + _KIND + r"{0,2}(?:" + _WHO + r"|name|one|local|mbox)|\bno such (?:user|person|recipient)"
        r"|\bno (?:local )?mail ?box(?:es)?\b(?! (?:space|storage|limit|quota))|\bthere is no (?:such |"
        + _WHO
        + r"|one )|\bno "
        + _KIND
        + r"{0,2}"
        + _WHO
        + r"\W{0,4}(?:here|by|with|of|for|under|named|called|exists?|found|at|§a)\b|\bnobody (?:here|by|of|with"
        r"|named|is|called)|\bno one (?:here|by)\b|\bnone here by that name|\bnosuchuser",
        r"\bkein(?:e|en)? (?:solche[rns]? )?(?:benutzer|empfae?nger|postfach|mailbox|konto|nutzer)"
        r"|\baucun (?:utilisateur|destinataire|compte)|\bpas d'utilisateur|\bno (?:hay|existe) (?:tal "
        r"|ningun )?(?:usuario|destinatario|buzon|cuenta)|\bnessun(?:a)? (?:utente|casella|destinatario)",
        r"无此用户|無此用戶|查无此人|查無此人|没有(?:这个|此)?用户|用户不存在|用戶不存在|此帳號不存在",
    ),
    rule(
        "gone.notexist",
        "Google 5.1.1, Exchange, Zimbra",
        r"\b" + _WHO + r"\b.{0,60}?(?:does not|doesn't|do not|don't|did not|didn't|doesnt|dosn't|not|never"
        r"|no longer) (?:seem to |appear to |currently |actually |longer )?exist",
        r"\bnon-?exist[ae]nt\b|\bnonexist[ae]nt\b|\bdoes(?:n't| not) exist here|\bno existing " + _WHO,
        r"\bexistiert (?:hier |leider )?nicht|\bexistiert .{0,20}nicht\b|\bnicht existent"
        r"|\bgibt es (?:hier )?nicht|\bn'existe (?:pas|plus)|\bno existe\b|\binexistente?\b|\bnao existe"
        r"|\bnon esiste|\binesistente|\bbestaat niet|\bnie istnieje|не существует|\bneexistuje|\bfinns inte"
        r"|\bfinnes ikke|\bfindes ikke|\bmevcut degil|\bnem letezik|\bnu exista|\bei ole olemassa",
        r"存在しません|存在しない|存在せず|不存在|존재하지",
    ),
    rule(
        "gone.invalid",
        "Exchange's RecipientNotFound, Domino, Yahoo, Orange OFR_416, Free.fr",
        r"\b"
        + _WHO
        + r"\b.{0,50}?(?:\bnot |n't |cannot be |can not be )(?:be |been |a |an |in |our |the |appear to be "
        r"|appear |match |currently |any |to be ){0,3}(?:found|known|listed|recogni[sz]ed|valid\b|located"
        r"|here\b|in our|a known|deliverable|registered|on this|in (?:the |our )?(?:directory|database"
        r"|system))",
        r"\binvalid (?:local |virtual |final |e-?mail |mail |destination |smtp |or unknown |forward.){0,2}"
        + _WHO
        + r"|\b"
        + _WHO
        + r"\b\W{0,6}(?:§a\W{0,6})?(?:is |was |are |seems |appears )?(?:to be )?(?:invalid|undeliverable|unrout"
        r"|bad\b|wrong|incorrect|illegal)",
        r"\bnot (?:a|an|one of) .{0,12}(?:valid|known|recogni[sz]ed|existing|registered|local|active)? ?(?:"
        + _WHO
        + r"|customers?)|\bbad (?:destination|recipient|address|user|mail ?box)|\bnot our customer"
        r"|\bunroute?able (?:mail )?(?:address|user|recipient)|\bunroute?able\b|\bundeliverable address"
        r"|\baddress unroute",
        r"\brecip(?:ient)?[ .]?not[ .]?found|\baddress not found|\buser not found|\bnot? (?:local"
        r"|found).{0,12}(?:user|address|directory)|\bis not (?:listed|known|found|a member|registered)"
        r"|\bnot listed in (?:the |domino )?|\bnot in (?:the )?(?:directory|address book)|\brecipnotfound"
        r"|\bno match(?:es)? (?:found )?for|\bcould not be found|\bcouldn't be found|\bwasn't found"
        r"|\bwas not found",
        r"\bnicht (?:gefunden|ermittelt|vorhanden)|\bungue?ltige[rsn]? (?:empfae?nger|adresse|benutzer)"
        r"|\b(?:empfae?nger|adresse)\w{0,8} (?:ist )?ungue?ltig|\bausgeschieden|\bdestinataire.{0,20}(?:invalide"
        r"|incorrect|errone)|\badresse.{0,40}invalide|\bintrouvable|\bno (?:se )?(?:ha )?(?:encontr|hall)"
        r"|\bnao (?:foi )?encontrad|\binvalid[oa] .{0,12}(?:destinat|usuari)|\bdestinat.{0,12}(?:invalid"
        r"|no valid|non valid|inesatt)|\bnon trovat|\bniet gevonden|\bnie znaleziono|не найден|\bnenalezen"
        r"|\bbulunamadi|\bhittades inte|\bikke fundet|\bikke funnet",
        r"見つかりません|見つからな|リストにありません|登録されていません|該当.{0,4}なし",
        r"找不到|无效(?:的)?(?:收件人|用户|地址)|찾을 ?수 ?없",
    ),
    rule(
        "gone.closed",
        "RFC 3463 x.1.6; Yahoo, Gmail, web.de",
        r"\b"
        + _WHO
        + r"\b.{0,40}(?:\bdeleted|\bclosed\b|\bterminated|\bremoved|\bcancell?ed|\bno longer (?:exists?|valid"
        r"|in use|used|with|works?|here|employed|on (?:this|our)|has|working|a (?:customer|member))"
        r"|\bhas (?:left|moved|gone)|\bdiscontinued|\bretired|\bdecommission|\bobsolete|\bdefunct|\bdeceased"
        r"|\bceased)",
        r"\bno longer (?:exists?|valid|in use|employed|works?|working|with (?:us|the|this))|\bhas (?:moved"
        r"|left)\b|\b(?:deleted|closed|removed|terminated) (?:account|mail ?box|user|address)"
        r"|\bhas changed hands|\bmoved to another",
        r"\b(?:konto|postfach|adresse|mailbox|account)\b.{0,30}(?:geloe?scht|geschlossen|nicht mehr (?:gultig"
        r"|verwendet|in gebrauch|existent|vorhanden))|\bnicht mehr (?:gultig|existent|vorhanden|in unserem)"
        r"|\b(?:compte|boite|adresse)\b.{0,40}(?:supprim|ferme|clotur|plus (?:valide|utilise|active"
        r"|en service))|\b(?:cuenta|buzon|conta|caixa|casella)\b.{0,40}(?:eliminad|cerrad|cancelad|encerrad"
        r"|chius|eliminat|dada de baja)|已注销|已刪除|已删除|解約|退会|удален",
    ),
    rule(
        "gone.domain",
        "RFC 7505; Postfix's and Exim's own words for NXDOMAIN",
        r"\b(?:domain|host|hostname|mail server)\b.{0,60}?(?:does not exist|doesn't exist|not exist"
        r"|\bnot found|\bunknown|non-?existent|nxdomain|no longer exist)|\bno such (?:host|domain)"
        r"|\bunknown (?:host|domain|mail host)|\bnxdomain\b|\bnull ?mx\b|\bnull mx|\b(?:takes|accepts"
        r"|does not accept|never accepts|never accept|accepting) no mail\b"
        r"|\bdomain does not accept (?:any )?mail",
        r"\bhost or domain name not found|\bname service error\b.{0,80}not found|\bname or service not known"
        r"|\bcouldn't find any host|\bunroute?able (?:mail )?domain|\bbad destination (?:host|system)"
        r"|\bdomaine (?:inconnu|inexistant)|\bdominio (?:inexistente|no existe|desconocid)",
    ),
)

HEDGED = rule(
    "hedged",
    "Google Groups, Exchange: one of two causes, so neither is proved",
    r"\b(?:may|might|could) (?:not |no longer |be |have |also )|\bpossibly\b|\bperhaps\b|\bmaybe\b"
    r"|\bprobably\b|\bor (?:you|your|access|the sender|that you|permission|it is|is (?:disabled|not active"
    r"|inactive|full|currently|not accept|unable|temporar)|disabled|inactive|full\b|over ?quota"
    r"|not accepting|mailbox (?:is )?(?:full|disabled))",
    r"\bmoglicherweise|\bvielleicht|\bpeut-etre|\bquizas?\b|\btal vez|\btalvez|\bforse\b|\bmisschien"
    r"|\bunavailable or\b|可能|かもしれ|возможно",
)

TRY_LATER = rule(
    "later",
    "any server: what may be otherwise tomorrow proves nothing",
    r"\btemporar|\btry (?:again|later)|\bretry|\btry it again|\blater\b|\bat (?:the|this) (?:moment|time)"
    r"|\bfor now\b|\bfor the (?:time being|moment)|\bmomentar|\bcome back|\bgreylist|\bdefer|\bspater"
    r"|\bvorubergehend|\bplus tard|\btemporaire|\bmas tarde|\bmais tarde|\bpiu tardi|しばらく|稍后|稍後|一時",
    r"(?<![\w.])4[0-5]\d[ -]4\.\d\.\d",
)

NEUTRAL_MAILBOX = rule(
    "neutral.mailbox",
    "RFC 5321's own text: not found, no access, or policy",
    r"\b(?:mail ?box|account|user|recipient|address)\b.{0,12}(?:is |currently |name )?(?:unavailable"
    r"|not available)|\bmailbox not (?:available|accessible)|\bunavailable mailbox",
)

TIME = rule(
    "time",
    "any server: the network or their load",
    r"\btimed? ?-?out|\btimeout|\bexpired\b|\bconnection (?:was )?(?:refused|reset|lost|dropped|closed)"
    r"|\bunreachable|\bno route\b|\bloop|\btoo many (?:mail )?hops|\bhop count|\bbusy\b|\btoo old\b"
    r"|\bnot be contacted|\bcannot connect|\bunable to connect|\bunable to get mx|\bretry (?:time|timeout)"
    r"|\bqueued too long|\bnot responding|\bno answer|\bhost not reach",
)
