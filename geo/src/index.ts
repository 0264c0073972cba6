export {
  type CountryDatabase,
  CountryDatabaseError,
  type CountryDatabaseEvents,
  type CountryDatabasePlace,
  openCountryDatabase,
} from "./country-database.ts";
