//! Words by which people of several languages name columns that hold personal data. Owns splitting of names and the lexicon; does not own
//! what follows from a match (`detect`).

use super::PersonalKind;
use PersonalKind as K;

/// A word (or words run together) and what it says; `true` where the word alone is enough.
type Entry = (PersonalKind, bool, &'static str);

/// Names without diacritics, lower case, words run together. Languages: English, German, Polish, French, Spanish, Dutch, Italian,
/// Portuguese. Weak words (`false`) count only in tables about persons or with samples that agree.
static LEXICON: &[Entry] = &[
    (
        K::FirstName,
        true,
        "firstname forename givenname fname middlename vorname rufname imie imiona prenom prenoms nombrepila primernombre segundonombre voornaam roepnaam primeiro nomeproprio prenome",
    ),
    (
        K::LastName,
        true,
        "lastname surname familyname lname maidenname nachname familienname geburtsname zuname nazwisko nazwiska nomfamille nomdefamille nomnaissance apellido apellidos primerapellido segundoapellido achternaam geslachtsnaam tussenvoegsel cognome sobrenome apelido",
    ),
    (
        K::FullName,
        true,
        "fullname displayname personname customername clientname patientname employeename contactname contactperson accountholder cardholder holdername billingname shippingname recipientname sendername ansprechpartner kontoinhaber vollername empfaenger imienazwisko imieinazwisko nomcomplet nomprenom titulaire destinataire nombrecompleto nombreyapellidos titular destinatario contactpersoon volledigenaam rekeninghouder ontvanger nominativo intestatario nomecompleto kontaktperson ship2name shipname",
    ),
    (
        K::FullName,
        false,
        "name nom nombre nome naam nazwa imieinaz contact kontakt contacto contatto recipient owner author signer signatory pracownik employee customer client patient doctor physician caseworker",
    ),
    (
        K::Gender,
        true,
        "gender sex geschlecht plec sexe sexo genero geslacht sesso genere anrede salutation civilite tratamiento aanhef salutazione",
    ),
    (
        K::Email,
        true,
        "email emails emailaddress mailaddress mail mailadresse adresmail adresemail poczta courriel mel correo correoelectronico emailadres postaelettronica eaddress mailto ccaddress",
    ),
    (
        K::Phone,
        true,
        "phone phones phonenumber telephone tel telno telefon telefonnummer handy mobil mobile mobilephone mobilenumber cell cellphone fax faxnumber faks msisdn rufnummer komorka nrtelefonu telefono movil celular telefoon telefoonnummer mobiel gsm cellulare portable whatsapp telefone telemovel",
    ),
    (
        K::NationalId,
        true,
        "ssn socialsecurity socialsecuritynumber nationalid nationalidnumber personalid taxid taxnumber taxpayerid passport passportnumber passportno driverslicense driverlicense drivinglicence licenseplate idcard identitycard nino nhsnumber nhsno pesel nip dowod nrdowodu dowodosobisty paszport bsn burgerservicenummer sofinummer paspoort rijbewijs steuerid steuernummer steuerident idnr ausweisnummer ausweis personalausweis reisepass sozialversicherungsnummer svnr rentenversicherungsnummer krankenversichertennummer versichertennummer nir numerosecu securitesociale numeross insee dni nie nif curp rfc cedula pasaporte seguridadsocial codicefiscale codfiscale partitaiva cf tesserasanitaria cartaidentita passaporto cpf rg healthnumber insurancenumber mrn medicalrecordnumber kennzeichen",
    ),
    (
        K::Street,
        true,
        "street streetaddress streetname addressline address1 address2 address3 addr1 addr2 housenumber houseno strasse str hausnummer anschrift ulica nrdomu nrmieszkania rue voie numerorue calle domicilio direccion straat straatnaam huisnummer indirizzo civico via rua endereco logradouro homeaddress postaladdress mailingaddress billingaddress shippingaddress adresse adres adresa adresszeile",
    ),
    (K::Street, false, "address addr location"),
    (
        K::City,
        true,
        "city town cityname ort stadt wohnort miasto miejscowosc ville commune ciudad localidad poblacion municipio stad woonplaats plaats citta comune localita cidade birthplace placeofbirth geburtsort miejsceurodzenia lieunaissance luogonascita geboorteplaats",
    ),
    (
        K::Postcode,
        true,
        "postcode postalcode zip zipcode plz postleitzahl kodpocztowy codepostal codigopostal cap postcodeplaats postnummer cep",
    ),
    (
        K::BirthDate,
        true,
        "birthdate birthday dateofbirth dob birth bday birthyear yearofbirth geburtsdatum geburtstag geburtsjahr gebdat gebdatum dataurodzenia dataur rokurodzenia datenaissance datedenaissance naissance fechanacimiento fechanac nacimiento geboortedatum gebdatum datanascita datadinascita nascita datanascimento dateofdeath deathdate",
    ),
    (
        K::Card,
        true,
        "creditcard creditcardnumber cardnumber cardno cardnum ccnumber ccnum pan kartennummer kreditkarte kreditkartennummer numerkarty cartebancaire numerocarte tarjeta numerotarjeta creditcardnr kaartnummer cartadicredito numerocarta",
    ),
    (
        K::Iban,
        true,
        "iban bankaccount bankaccountnumber accountnumber accountno kontonummer kontonr bankverbindung nrkonta numerkonta rachunek nrrachunku comptebancaire rib cuentabancaria numerocuenta rekeningnummer bankrekening contocorrente numeroconto routingnumber sortcode",
    ),
    (K::IpAddress, true, "ip ipaddress ipaddr ipv4 ipv6 clientip remoteip remoteaddr lastip loginip adresseip adresip ipadresse"),
    (K::Url, true, "homepage website personalurl avatarurl photourl linkedin facebook twitter instagram profileurl skype"),
    (
        K::UserName,
        true,
        "username userid loginname login nickname nick screenname handle benutzername benutzer anmeldename kuerzel uzytkownik utilisateur identifiant pseudo usuario nombreusuario gebruikersnaam gebruiker nomeutente utente uname samaccountname upn",
    ),
    (
        K::PasswordHash,
        true,
        "password passwordhash passwd pwd pwdhash passhash hashedpassword encryptedpassword passworddigest kennwort passwort passworthash haslo hashhasla motdepasse mdp contrasena clave wachtwoord parola senha pin pincode salt",
    ),
    (
        K::Secret,
        true,
        "secret apikey apisecret apitoken token accesstoken refreshtoken resettoken resetpasswordtoken confirmationtoken sessiontoken sessionid authtoken authkey bearer credential credentials privatekey clientsecret secretkey encryptionkey totp totpsecret otp otpsecret mfasecret recoverycode recoverycodes webhooksecret signingkey licensekey schluessel zugangsdaten smtppassword ftppassword dbpassword oauth cookie securityanswer",
    ),
    (
        K::Special,
        true,
        "religion religia ethnicity ethnie race nationality nationalitaet staatsangehoerigkeit obywatelstwo nationalite nacionalidad nationaliteit nazionalita diagnosis diagnoses diagnose diagnoza diagnostic diagnostico icd10 icdcode bloodgroup bloodtype allergies disability handicap medication salary gehalt lohn wynagrodzenie salaire salario sueldo salaris stipendio maritalstatus familienstand stancywilny estadocivil burgerlijkestaat statocivile politicalparty tradeunion sexualorientation konfession krankenkasse",
    ),
    (
        K::FreeText,
        true,
        "notes note notatki notatka remarks remark comments comment freetext memo bemerkung bemerkungen anmerkung anmerkungen notiz notizen kommentar uwagi uwaga komentarz opis remarque remarques commentaire commentaires observacion observaciones comentario comentarios notas opmerking opmerkingen commento osservazioni annotazioni messagebody mailbody bodytext anamnesis medicalhistory casenotes observations",
    ),
    (
        K::FreeText,
        false,
        "description body message text content subject beschreibung nachricht tresc wiadomosc mensaje messaggio bericht betreff details reason history beschrijving descripcion descrizione title",
    ),
    (
        K::File,
        true,
        "photo picture portrait avatar signature attachment scan fingerprint biometric foto zdjecie bild unterschrift podpis anhang zalacznik handtekening bijlage allegato piecejointe adjunto passphoto xray filedata filecontent documentdata",
    ),
    (K::File, false, "file document image blob data datei plik fichier archivo bestand dokument"),
    (K::GeoLocation, true, "latitude longitude lat lng lon geolocation coordinates gps geom geopoint breitengrad laengengrad"),
    (K::Job, true, "jobtitle occupation profession beruf stanowisko zawod metier puesto cargo beroep functietitel professione mansione"),
];

/// Words that make a table one about persons.
static PERSON_TABLES: &str = "person persons people customer customers client clients patient patients employee employees staff worker workers user users member \
     members contact contacts applicant applicants student students teacher teachers doctor doctors physician lead leads subscriber \
     subscribers donor donors guest guests tenant resident child children parent guardian relative beneficiary account holder author \
     kunde kunden mitarbeiter patienten benutzer ansprechpartner personen mitglied mitglieder schueler lehrer arzt aerzte bewerber \
     klient klienci pracownik pracownicy pacjent pacjenci osoba osoby uzytkownik uzytkownicy kontrahent kontakt kontakte czlonek \
     personne personnes salarie salaries utilisateur utilisateurs membre membres eleve usager persona personas cliente clientes \
     empleado empleados paciente pacientes usuario usuarios socio alumno persoon personen klant klanten medewerker medewerkers \
     gebruiker gebruikers patienten leerling lid leden dipendente dipendenti clienti paziente pazienti utente utenti persone socio \
     funcionario funcionarios";

/// Last words by which a column is about something rather than the thing itself: `email_verified_at`, `phone_type`, `address_id`.
static ABOUT: &str = "id ids key fk ref uuid guid type typ types kind status state flag count cnt num total verified confirmed sent at on enabled disabled active \
     template format category class lang language locale valid version order position sort index priority code required allowed \
     optin optout consent changed updated created expires expiry expired attempts hash size length width height mime mimetype";

/// A name's words: split at everything that is no letter or digit, at changes of case and around digits; lower case, without diacritics.
pub(super) fn words_of(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let chars: Vec<char> = name.chars().collect();
    let mut word = String::new();
    for (at, c) in chars.iter().copied().enumerate() {
        let before = at.checked_sub(1).map(|b| chars[b]);
        let next = chars.get(at + 1);
        let hump =
            before.is_some_and(|b| c.is_uppercase() && (b.is_lowercase() || (b.is_uppercase() && next.is_some_and(|n| n.is_lowercase()))));
        let digit_edge = before.is_some_and(|b| b.is_alphanumeric() && c.is_alphanumeric() && b.is_numeric() != c.is_numeric());
        if (hump || digit_edge || !c.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            c.to_lowercase().for_each(|l| fold(l, &mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Takes diacritics off the letters of the lexicon's languages; German umlauts become two letters, as in names without them.
fn fold(c: char, out: &mut String) {
    match c {
        'ä' | 'æ' => out.push_str("ae"),
        'ö' | 'œ' => out.push_str("oe"),
        'ü' => out.push_str("ue"),
        'ß' => out.push_str("ss"),
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ą' => out.push('a'),
        'ç' | 'ć' | 'č' => out.push('c'),
        'è' | 'é' | 'ê' | 'ë' | 'ę' => out.push('e'),
        'ì' | 'í' | 'î' | 'ï' => out.push('i'),
        'ł' => out.push('l'),
        'ñ' | 'ń' => out.push('n'),
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' => out.push('o'),
        'ś' | 'š' => out.push('s'),
        'ù' | 'ú' | 'û' => out.push('u'),
        'ź' | 'ż' | 'ž' => out.push('z'),
        other => out.push(other),
    }
}

/// What a name says by itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NameEvidence {
    pub what: PersonalKind,
    /// The word is enough by itself.
    pub strong: bool,
    /// The word that said so.
    pub word: String,
}

/// Looks a column's name up: longest run of words first, the last run in the name among equally long ones, since the head noun stands
/// last (`customer_email`). Nothing if the name's last word says that the column is only about it.
pub(super) fn name_evidence(name: &str) -> Option<NameEvidence> {
    let words = words_of(name);
    let about = words.last().is_some_and(|w| ABOUT.split_whitespace().any(|a| a == w));
    for length in (1..=words.len().min(4)).rev() {
        for start in (0..=words.len() - length).rev() {
            if about && start + length < words.len() {
                continue;
            }
            let joined = words[start..start + length].concat();
            for strong in [true, false] {
                let hit = LEXICON.iter().find(|(_, s, list)| *s == strong && list.split(' ').any(|w| w == joined));
                if let Some((what, ..)) = hit {
                    return Some(NameEvidence { what: *what, strong, word: joined });
                }
            }
        }
    }
    None
}

/// Whether a table's name says that its rows are persons.
pub(super) fn is_person_table(name: &str) -> bool {
    words_of(name).iter().any(|w| PERSON_TABLES.split_whitespace().any(|p| p == w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_at_underscores_humps_digits_and_lose_diacritics() {
        assert_eq!(words_of("customerEmailAddress2"), ["customer", "email", "address", "2"]);
        assert_eq!(words_of("HTTPServerName"), ["http", "server", "name"]);
        assert_eq!(words_of("Straße Größe"), ["strasse", "groesse"]);
        assert_eq!(words_of("płeć"), ["plec"]);
        assert!(words_of("__").is_empty());
    }

    #[test]
    fn columns_are_recognised_in_several_languages() {
        let cases = [
            ("nazwisko", K::LastName),
            ("imie", K::FirstName),
            ("telefon_kom", K::Phone),
            ("Geburtsdatum", K::BirthDate),
            ("codice_fiscale", K::NationalId),
            ("apellido1", K::LastName),
            ("straat", K::Street),
            ("prénom", K::FirstName),
            ("date_de_naissance", K::BirthDate),
            ("kod_pocztowy", K::Postcode),
            ("correo_electronico", K::Email),
            ("SupportEMail", K::Email),
            ("api_key", K::Secret),
            ("numero_tarjeta", K::Card),
            ("BillingPostalCode", K::Postcode),
            ("wachtwoord", K::PasswordHash),
        ];
        for (name, what) in cases {
            assert_eq!(name_evidence(name).map(|e| e.what), Some(what), "{name}");
        }
    }

    #[test]
    fn what_is_only_about_an_address_is_not_one() {
        for name in ["email_verified_at", "phone_type", "address_id", "password_changed_at", "user_id", "UnitPrice", "status"] {
            assert_eq!(name_evidence(name).filter(|e| e.strong && e.what != K::UserName), None, "{name}");
        }
    }
}
